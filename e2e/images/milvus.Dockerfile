# A real Milvus 2.3.5 as an image, from the newest wheel that holds the server; no part of the product.
ARG BASE_IMAGE
# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
COPY constraints/build.txt constraints/milvus-server.txt /tmp/
RUN python3 -m venv /opt/milvus \
    && /opt/milvus/bin/pip install --quiet --no-cache-dir --require-hashes -r /tmp/build.txt \
    && /opt/milvus/bin/pip install --quiet --no-cache-dir --no-deps --require-hashes -r /tmp/milvus-server.txt \
    && mkdir /data && chown 65532:65532 /data
ENV PATH=/opt/milvus/bin:$PATH HOME=/data
USER 65532:65532
EXPOSE 19530 9091
ENTRYPOINT ["python", "-c", "import milvus; milvus.main()"]
CMD ["--data", "/data"]
