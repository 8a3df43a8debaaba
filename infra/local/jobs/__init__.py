"""Jobs that run as processes: Glue and SageMaker training, their records, logs and Spark."""
