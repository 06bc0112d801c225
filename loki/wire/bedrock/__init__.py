"""The protocols of AWS Bedrock."""
