module tests/third_party/milvus-backup

go 1.26.8

tool github.com/zilliztech/milvus-backup
