# Inside the cluster: a real client, the openai package, and an S3 server, as the tests of this machine use them.
ARG BASE_IMAGE
# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
COPY constraints/build.txt constraints/client.txt /tmp/
RUN python3 -m venv /opt/client \
    && /opt/client/bin/pip install --quiet --no-cache-dir --require-hashes -r /tmp/build.txt -r /tmp/client.txt
ENV PATH=/opt/client/bin:$PATH
USER 65532:65532
ENTRYPOINT ["sleep", "infinity"]
