"""The glossary: every value that crosses a package border. Metaflow's words for what runs, FOCUS's for what it costs.

Everything is frozen and keyword-only; sequences are tuples; money is Decimal; time is aware UTC; units are in names.
"""

from costgate.model.deployed import (
    NOTHING,
    ConfigSource,
    Decorator,
    Deployment,
    DeploymentKey,
    Flow,
    Foreach,
    Known,
    Location,
    Owner,
    Schedule,
    Snapshot,
    Step,
    StepDeclaration,
    StepResources,
    Trigger,
    Unresolved,
    Value,
)
from costgate.model.history import (
    CalibrationBucket,
    Durations,
    SizeUsage,
    StepUsage,
    UsageDeployment,
    UsageProfile,
)
from costgate.model.prices import (
    Component,
    Node,
    NotBilled,
    Quote,
    Rate,
    RateCard,
    Reservation,
    Tier,
    Unpriced,
)
from costgate.model.verdict import (
    Action,
    Approval,
    Band,
    Cause,
    Change,
    ChangedJudge,
    CostLine,
    Cover,
    Decision,
    Delta,
    DeploymentDelta,
    Driver,
    Estimate,
    Input,
    Outcome,
    Report,
    RequiredApproval,
    Source,
    Status,
    StepEstimate,
    Violation,
)

__all__ = [
    "NOTHING", "Action", "Approval", "Band", "CalibrationBucket", "Cause", "Change", "ChangedJudge", "Component",
    "ConfigSource", "CostLine", "Cover", "Decision", "Decorator", "Delta", "Deployment", "DeploymentDelta",
    "DeploymentKey", "Driver", "Durations", "Estimate", "Flow", "Foreach", "Input", "Known", "Location", "Node",
    "NotBilled", "Outcome", "Owner", "Quote", "Rate", "RateCard", "Report", "RequiredApproval", "Reservation",
    "Schedule", "SizeUsage", "Snapshot", "Source", "Status", "Step", "StepDeclaration", "StepEstimate",
    "StepResources", "StepUsage", "Tier", "Trigger", "Unpriced", "Unresolved", "UsageDeployment", "UsageProfile",
    "Value", "Violation",
]  # fmt: skip
