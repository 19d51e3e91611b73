"""A module for each family of Milvus' routes: what a request of it does."""
