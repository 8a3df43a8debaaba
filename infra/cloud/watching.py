"""Who is told of failed jobs and of costs: a topic, the rules that write to it, and a budget."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.names import OWNER_TAG
from infra.cloud.grants import policy

_FAILED_RUNS = ["FAILED", "TIMEOUT", "ERROR"]


def watching(settings: Settings, alarm_email: str) -> dict[str, dict[str, Any]]:
    """Return the resources by their logical names. Without an address nobody is told, until somebody subscribes to the topic."""
    glue = {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
        "detail": {"jobName": [settings.glue_job], "state": _FAILED_RUNS},
    }
    training = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobName": [{"prefix": f"{settings.names.job_prefix}-"}], "TrainingJobStatus": ["Failed"]},
    }
    subscription = {"Subscription": [{"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}]} if alarm_email else {}
    topic = {"TopicName": settings.names.of("alarms"), **subscription}
    return {
        "Alarms": {"Type": "AWS::SNS::Topic", "Properties": topic},
        "AlarmsPolicy": {"Type": "AWS::SNS::TopicPolicy", "Properties": _topic_policy()},
        "FailedCuration": _rule(settings.names.of("failed-curation"), "A run of the Glue job failed", glue),
        "FailedTraining": _rule(settings.names.of("failed-training"), "A training job failed", training),
        "Budget": _budget(settings),
    }


def _topic_policy() -> dict[str, Any]:
    services = ["events.amazonaws.com", "budgets.amazonaws.com"]
    publish = {
        "Sid": "ServicesPublish",
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Alarms"},
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    return {"Topics": [{"Ref": "Alarms"}], "PolicyDocument": policy([publish])}


def _rule(name: str, description: str, pattern: dict[str, Any]) -> dict[str, Any]:
    targets = [{"Id": "alarms", "Arn": {"Ref": "Alarms"}}]
    properties = {"Name": name, "Description": description, "EventPattern": pattern, "State": "ENABLED", "Targets": targets}
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def _budget(settings: Settings) -> dict[str, Any]:
    """Return a budget of what carries the deployment's tag; the tag must be activated for costs in the billing console."""
    budget = {
        "BudgetName": settings.names.of("monthly"),
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": {"Ref": "MonthlyBudgetUsd"}, "Unit": "USD"},
        "CostFilters": {"TagKeyValue": [f"user:{OWNER_TAG}${settings.names.deployment}"]},
    }
    told = [
        {
            "Notification": {"NotificationType": kind, "ComparisonOperator": "GREATER_THAN", "Threshold": threshold},
            "Subscribers": [{"SubscriptionType": "SNS", "Address": {"Ref": "Alarms"}}],
        }
        for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
    ]
    return {"Type": "AWS::Budgets::Budget", "Properties": {"Budget": budget, "NotificationsWithSubscribers": told}}
