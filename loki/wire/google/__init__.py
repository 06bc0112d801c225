"""The protocols of Gemini and Vertex AI."""
