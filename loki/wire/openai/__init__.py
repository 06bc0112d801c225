"""The protocols of OpenAI, which many others speak."""
