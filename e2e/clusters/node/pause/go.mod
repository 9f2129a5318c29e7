module e2e/clusters/node/pause

go 1.26.0
