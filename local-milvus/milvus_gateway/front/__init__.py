"""The one port: HTTP and gRPC told apart, TLS, the order of checks."""
