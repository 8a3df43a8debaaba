"""The stack of dashboards: QuickSight over the saved queries. It is made only for a named user, because QuickSight is a subscription.

Three sheets: class imbalance, behaviors per lab, data quality. QuickSight asks Athena each time (no copy of the data), with the queries
of aws_pipeline/sql/, so that a dashboard, the command line and the notebook show the same numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aws_pipeline.athena import saved_query
from aws_pipeline.config import Settings
from behavior.tables import CURATED_TABLES

Resource = dict[str, Any]
_TEXT, _WHOLE, _NUMBER = "STRING", "INTEGER", "DECIMAL"


@dataclass(frozen=True)
class DataSet:
    """One saved query and the sheet about it."""

    query: str
    """Its name in aws_pipeline/sql/."""
    sheet: str
    columns: tuple[tuple[str, str], ...]
    """Name and QuickSight's type of each column of the answer, in order."""

    @property
    def logical(self) -> str:
        """Return its logical name in the template."""
        return "".join(word.title() for word in self.query.split("_"))


IMBALANCE = DataSet(
    "class_imbalance",
    "Class imbalance",
    (
        *(("action", _TEXT), ("kind", _TEXT), ("labs", _WHOLE), ("labs_seen", _WHOLE), ("bouts", _WHOLE)),
        *(("seconds", _NUMBER), ("annotated_h", _NUMBER), ("share", _NUMBER)),
    ),
)
LABS = DataSet(
    "lab_behavior_matrix",
    "Behaviors per lab",
    (("lab_id", _TEXT), ("action", _TEXT), ("status", _TEXT), ("bouts", _WHOLE), ("seconds", _NUMBER), ("share", _NUMBER)),
)
QUALITY = DataSet(
    "data_quality_by_lab",
    "Data quality",
    (
        *(("lab_id", _TEXT), ("videos", _WHOLE), ("hours", _NUMBER), ("missing_share", _NUMBER)),
        *(("teleports_per_h", _NUMBER), ("swaps_per_h", _NUMBER)),
    ),
)
DATA_SETS = (IMBALANCE, LABS, QUALITY)


def dashboards_template(settings: Settings) -> dict[str, Any]:
    """Return the template; whose the dashboard is, is a parameter."""
    user = {
        "Type": "String",
        "AllowedPattern": r"arn:aws[a-z-]*:quicksight:[a-z0-9-]+:\d{12}:user/.+",
        "Description": "ARN of the QuickSight user who owns the dashboard (aws quicksight list-users)",
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Mouse behavior lakehouse, dashboards: QuickSight over the saved queries. Holds no data.",
        "Parameters": {"QuickSightUser": user},
        "Resources": {
            "Source": _source(settings),
            **{each.logical: _data_set(each, settings) for each in DATA_SETS},
            "Dashboard": _dashboard(settings),
        },
    }


def qualified(sql: str, database: str) -> str:
    """Return a query whose tables are named with their database, because QuickSight names none."""
    names = "|".join(table.name for table in CURATED_TABLES)
    return re.sub(rf"\b(FROM|JOIN) ({names})\b", rf'\1 "{database}".\2', sql)


def _named(settings: Settings, what: str, kind: str) -> Resource:
    return {"AwsAccountId": {"Ref": "AWS::AccountId"}, f"{kind}Id": settings.names.of(what), "Name": settings.names.of(what)}


def _owned(what: str, *verbs: str) -> list[Resource]:
    """Let the owner do all with something, which QuickSight wants to have listed."""
    common = (f"Describe{what}", f"Update{what}", f"Delete{what}", f"Describe{what}Permissions", f"Update{what}Permissions")
    return [{"Principal": {"Ref": "QuickSightUser"}, "Actions": [f"quicksight:{verb}" for verb in (*common, *verbs)]}]


def _source(settings: Settings) -> Resource:
    properties = {
        **_named(settings, "athena", "DataSource"),
        "Type": "ATHENA",
        "DataSourceParameters": {"AthenaParameters": {"WorkGroup": settings.workgroup}},
        "Permissions": _owned("DataSource", "PassDataSource"),
    }
    return {"Type": "AWS::QuickSight::DataSource", "Properties": properties}


def _data_set(each: DataSet, settings: Settings) -> Resource:
    question = {
        "DataSourceArn": {"Fn::GetAtt": ["Source", "Arn"]},
        "Name": each.query,
        "SqlQuery": qualified(saved_query(each.query), settings.database),
        "Columns": [{"Name": name, "Type": kind} for name, kind in each.columns],
    }
    properties = {
        **_named(settings, each.query.replace("_", "-"), "DataSet"),
        "ImportMode": "DIRECT_QUERY",
        "PhysicalTableMap": {each.query.replace("_", "-"): {"CustomSql": question}},
        "Permissions": _owned("DataSet", "PassDataSet", "DescribeIngestion", "ListIngestions", "CreateIngestion", "CancelIngestion"),
    }
    return {"Type": "AWS::QuickSight::DataSet", "Properties": properties}


def _dashboard(settings: Settings) -> Resource:
    declared = [{"Identifier": each.query, "DataSetArn": {"Fn::GetAtt": [each.logical, "Arn"]}} for each in DATA_SETS]
    visuals = {
        IMBALANCE: [
            _bars(IMBALANCE, "action", "bouts", "Bouts of each behavior"),
            _bars(IMBALANCE, "action", "seconds", "Seconds of each"),
        ],
        LABS: [_heat(LABS, "lab_id", "action", "bouts", "Bouts by lab and behavior; empty: not annotated, so unknown")],
        QUALITY: [
            _bars(QUALITY, "lab_id", "missing_share", "Share of keypoints that the tracker lost"),
            _bars(QUALITY, "lab_id", "teleports_per_h", "Teleports an hour"),
            _bars(QUALITY, "lab_id", "swaps_per_h", "Suspected exchanges of ids an hour"),
        ],
    }
    sheets = [{"SheetId": each.query, "Name": each.sheet, "Visuals": visuals[each]} for each in DATA_SETS]
    properties = {
        **_named(settings, "behavior", "Dashboard"),
        "Definition": {"DataSetIdentifierDeclarations": declared, "Sheets": sheets},
        "Permissions": _owned("Dashboard", "ListDashboardVersions", "QueryDashboard", "UpdateDashboardPublishedVersion"),
    }
    return {"Type": "AWS::QuickSight::Dashboard", "Properties": properties}


def _bars(each: DataSet, category: str, value: str, title: str) -> Resource:
    visual = f"{each.query}-{value}"
    fields = {"Category": [_category(each, category, visual)], "Values": [_value(each, value, visual)]}
    order = {"FieldSort": {"FieldId": f"{visual}-{value}", "Direction": "DESC"}}
    chart = {
        "FieldWells": {"BarChartAggregatedFieldWells": fields},
        "Orientation": "HORIZONTAL",
        "SortConfiguration": {"CategorySort": [order]},
    }
    return {"BarChartVisual": {"VisualId": visual, "Title": _title(title), "ChartConfiguration": chart}}


def _heat(each: DataSet, row: str, column: str, value: str, title: str) -> Resource:
    visual = f"{each.query}-{value}"
    wells = {
        "Rows": [_category(each, row, visual)],
        "Columns": [_category(each, column, visual)],
        "Values": [_value(each, value, visual)],
    }
    chart = {"FieldWells": {"HeatMapAggregatedFieldWells": wells}}
    return {"HeatMapVisual": {"VisualId": visual, "Title": _title(title), "ChartConfiguration": chart}}


def _category(each: DataSet, column: str, visual: str) -> Resource:
    return {"CategoricalDimensionField": {"FieldId": f"{visual}-{column}", "Column": _column(each, column)}}


def _value(each: DataSet, column: str, visual: str) -> Resource:
    """Return a measure: each category has one row, so that the sum is the value itself."""
    summed = {"SimpleNumericalAggregation": "SUM"}
    return {"NumericalMeasureField": {"FieldId": f"{visual}-{column}", "Column": _column(each, column), "AggregationFunction": summed}}


def _column(each: DataSet, column: str) -> Resource:
    return {"DataSetIdentifier": each.query, "ColumnName": column}


def _title(text: str) -> Resource:
    return {"Visibility": "VISIBLE", "FormatText": {"PlainText": text}}
