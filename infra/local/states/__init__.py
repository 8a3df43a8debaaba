"""Step Functions on this disk: state machines in the Amazon States Language, whose tasks run the jobs and queries of this machine."""
