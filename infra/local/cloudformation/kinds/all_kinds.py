"""Every type of resources that a template may declare here."""

from infra.local.cloudformation.kinds import lakehouse, operations, rights, storage
from infra.local.cloudformation.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    "AWS::S3::Bucket": storage.BUCKET,
    "AWS::S3::BucketPolicy": storage.BUCKET_POLICY,
    "AWS::IAM::Role": rights.ROLE,
    "AWS::IAM::ManagedPolicy": rights.MANAGED_POLICY,
    "AWS::Glue::Database": lakehouse.DATABASE,
    "AWS::Glue::Table": lakehouse.TABLE,
    "AWS::Glue::Job": lakehouse.JOB,
    "AWS::Athena::WorkGroup": lakehouse.WORKGROUP,
    "AWS::SageMaker::ModelPackageGroup": lakehouse.MODEL_GROUP,
    "AWS::Logs::LogGroup": operations.LOG_GROUP,
    "AWS::SNS::Topic": operations.TOPIC,
    "AWS::SNS::TopicPolicy": operations.TOPIC_POLICY,
    "AWS::Events::Rule": operations.RULE,
    "AWS::StepFunctions::StateMachine": operations.STATE_MACHINE,
    "AWS::Budgets::Budget": operations.BUDGET,
}
