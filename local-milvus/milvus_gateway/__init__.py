"""A REST v2 front for Milvus Lite, whose engine runs in this process, answering as Milvus does."""

__version__ = "0.1.0"
