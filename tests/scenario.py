"""The scenario that must come out right: a config doubles the GPUs of a flow that runs 500 times a month."""

from __future__ import annotations

import json

AS_OF = "2026-11-23"
DELTA = "2772.105"  # 4 GPUs × 500 runs × 2 h × 0.6930263 per GPU-hour

TRAIN = """
    from metaflow import Config, FlowSpec, kubernetes, step


    class TrainFlow(FlowSpec):
        config = Config("config", default="configs/prod.json")

        @step
        def start(self):
            self.next(self.train)

        @kubernetes(gpu=config.train.gpu)
        @step
        def train(self):
            self.next(self.end)

        @step
        def end(self):
            pass


    if __name__ == "__main__":
        TrainFlow()
"""

CARD = """
    version: 1
    name: acme-2026q4
    currency: USD
    as_of: 2026-10-01
    tiers:
      a100:
        node: {gpus: 8, gpu_model: A100-80GB, cpus: 96, memory_gib: 1152}
        owned:
          purchase_price: 120000
          useful_life_months: 36
          power_kw: 6.5
          pue: 1.4
          electricity_per_kwh: 0.08
          facility_per_hour: 0.25
    default_tier: {gpu: a100}
"""

CONFIG = """
    version: 1
    rate_card: finance/ratecard.yml
    policy: finance/policy.yml
    target: local
    assumptions: {startup_overhead: 0s}
    deployments:
      - flow: flows/train.py
        runs_per_month: 500
        steps: {train: {duration: 2h}}
"""

TWO_VARIANTS = """
    version: 1
    rate_card: finance/ratecard.yml
    policy: finance/policy.yml
    target: local
    assumptions: {startup_overhead: 0s}
    deployments:
      - flow: flows/train.py
        name: train-{config}
        configs: {config: "configs/prod*.json"}
        branch: "{config}"
        runs_per_month: 500
        steps: {train: {duration: 2h}}
"""

METERED = CONFIG.replace("        steps: {train: {duration: 2h}}\n", "").replace("runs_per_month: 500", "name: train")


def policy(limit: int, action: str = "require-approval, approval: finance") -> str:
    """One increase rule over the approvals of a policy that nothing else is in."""
    return f"""
    version: 1
    currency: USD
    approvals: {{finance: {{label: finance-approved, users: [fiona]}}}}
    rules:
      - {{id: increase, rule: max-monthly-increase, limit: {limit}, action: {action}}}
    """


def config(gpu: int) -> str:
    """configs/prod.json with this many GPUs."""
    return json.dumps({"train": {"gpu": gpu}}) + "\n"


def usage() -> str:
    """A profile that has seen 500 runs a month of two hours, without overhead, retries or fan-out."""
    step = {"n": 41, "duration_s": {"mean": 7200}, "overhead_s": 0, "tasks_per_run": 1, "attempts_per_task": 1}
    window = {"from": "2026-08-22T00:00:00Z", "to": "2026-11-20T00:00:00Z", "complete": ["local"]}
    key = {"flow": "TrainFlow", "project": None, "branch": None, "template": None}
    per_month = {"low": 500, "expected": 500, "high": 500}
    runs = {"count": 1500, "per_month": per_month, "scheduled": 0, "failed": 0}
    deployment = {"key": key, "last_run": "2026-11-19T00:00:00Z", "runs": runs, "steps": {"train": step}}
    return json.dumps(
        {"version": 1, "as_of": "2026-11-20T00:00:00Z", "window": window, "deployments": [deployment], "pools": {}}
    )


def files(*, gpu: int = 4, limit: int = 5000, costgate: str = CONFIG) -> dict[str, str]:
    """The repository at one revision."""
    return {
        "costgate.yml": costgate,
        "flows/train.py": TRAIN,
        "configs/prod.json": config(gpu),
        "finance/ratecard.yml": CARD,
        "finance/policy.yml": policy(limit),
    }
