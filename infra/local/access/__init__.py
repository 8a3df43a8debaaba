"""Who may do what: IAM's policies, evaluated as AWS does, so that what AWS would refuse is refused here too."""
