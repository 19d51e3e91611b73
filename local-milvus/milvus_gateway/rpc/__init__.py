"""The gRPC side: Milvus' service, each call through the handler of its REST route."""
