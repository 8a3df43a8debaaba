"""CloudFormation on this disk: change sets that are planned and executed, by the same calls that a client would make."""
