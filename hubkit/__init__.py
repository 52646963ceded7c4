"""hubkit takes a credentialed radiology corpus to a reproducible, gated release on the Hugging Face Hub."""

__version__ = "0.1.0"
