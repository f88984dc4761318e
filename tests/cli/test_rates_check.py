"""`costgate rates check` in a repository: who gets which tier and why, what nobody uses, and what looks odd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from costgate.cli.rates import placements
from costgate.config import ProjectConfig
from costgate.gate.sides import Side
from tests.costing import CARD as PRICES
from tests.costing import a_step, deployed
from tests.run import Runner
from tests.support import Repo, dedent

Golden = Callable[[str, str], None]
AS_OF = ("--as-of", "2026-11-23")
CONFIG = "version: 1\nrate_card: finance/ratecard.yml\ntarget: local\n"
HEAD = "version: 1\nname: acme\ncurrency: USD\nas_of: 2026-10-01\n"
CARD = """
    extends: [aws]
    tiers:
      a100:
        node: {gpus: 8, gpu_model: A100-80GB, cpus: 96, memory_gib: 1152}
        hourly: 5.5
        match: [{node_selector: {pool: a100}}, {queue: "ml-a100*"}]
      h100:
        node: {gpus: 8, gpu_model: H100-80GB, cpus: 192, memory_gib: 2048}
        leased: {per_month: 21000}
        match: [{compute_pool: h100}]
      cpu: {node: {cpus: 32, memory_gib: 128}, hourly: 1.10, match: [{queue: cpu}]}
      desk: {node: {gpus: 1, cpus: 16}, hourly: 0.9, match: [{compute: local, queue: desk}]}
    default_tier: {gpu: a100, cpu: cpu}
"""
FLOW = """
    from metaflow import FlowSpec, batch, kubernetes, step


    class TrainFlow(FlowSpec):
        @kubernetes(cpu=4)
        @step
        def start(self):
            self.next(self.train)

        @kubernetes(gpu=4, node_selector={"pool": "a100"})
        @step
        def train(self):
            self.next(self.tune)

        @kubernetes(extended_resources={"nvidia.com/mig-3g.40gb": 1})
        @step
        def tune(self):
            self.next(self.embed)

        @kubernetes(gpu=1, node_selector={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"})
        @step
        def embed(self):
            self.next(self.old)

        @kubernetes(gpu=1, node_selector={"cloud.google.com/gke-accelerator": "nvidia-tesla-v100"})
        @step
        def old(self):
            self.next(self.big)

        @batch(cpu=500, queue="cpu")
        @step
        def big(self):
            self.next(self.end)

        @step
        def end(self):
            pass


    if __name__ == "__main__":
        TrainFlow()
"""


@pytest.fixture
def check(repo: Repo, runner: Runner) -> Callable[..., str]:
    def run(card: str = CARD, *, head: str = HEAD, **files: str | None) -> str:
        text = head + dedent(card)
        repo.write({"costgate.yml": CONFIG, "flows/train.py": FLOW, "finance/ratecard.yml": text, **files})
        result = runner("rates", "check", *AS_OF, cwd=repo.path)
        assert (result.code, result.err) == (0, "")
        return result.out

    return run


def test_every_step_has_its_tier_or_a_reason(check: Callable[..., str], golden: Golden) -> None:
    golden("rates/check.txt", check(**{"flows/odd.py": "class OddFlow(FlowSpec:\n"}))


def test_a_repository_without_flows(check: Callable[..., str]) -> None:
    assert "no steps: no flow is found here\n" in check(**{"flows/train.py": "x = 1\n"})


def test_a_card_that_is_used_whole_has_nothing_more_to_say(check: Callable[..., str]) -> None:
    flow = FLOW.replace('@kubernetes(extended_resources={"nvidia.com/mig-3g.40gb": 1})', "@kubernetes(gpu=1)")
    card = "tiers:\n  all: {node: {gpus: 8, cpus: 900, memory_gib: 9000}, hourly: 9, split: dominant}\n"
    out = check(card + "default_tier: {gpu: all, cpu: all}\n", **{"flows/train.py": flow})
    assert "no step is on" not in out
    assert "match rule" not in out
    assert "question" not in out


def test_the_types_of_a_shipped_card_are_not_missed(repo: Repo, runner: Runner) -> None:
    repo.write({"flows/train.py": FLOW})
    out = runner("rates", "check", "--rate-card", "aws", *AS_OF, cwd=repo.path).out
    assert "TrainFlow/old    aws/us-east-1/p3.2xlarge  node_selector cloud.google.com" in out
    assert "no step is on" not in out


def test_many_steps_are_counted(check: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placements, "MOST", 5)
    out = check()
    assert "TrainFlow/big " in out  # the last but one, and without a price
    assert "TrainFlow/end" not in out
    assert "\nand 2 more steps, none of them without a price\n" in out
    monkeypatch.setattr(placements, "MOST", 1)
    out = check(**{"flows/odd.py": "class OddFlow(FlowSpec:\n"})
    assert "OddFlow" not in out
    assert "\nand 7 more steps, 1 of them without a price\n" in out


def test_a_bare_repository_has_no_work_tree(repo: Repo, runner: Runner, tmp_path: Path) -> None:
    repo.commit({"flows/train.py": FLOW})
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    out = runner("rates", "check", *AS_OF, cwd=tmp_path / "bare.git").out
    assert len(out.splitlines()) == 1


def test_two_rules_that_are_alike_are_an_error(repo: Repo, runner: Runner) -> None:
    card = dedent(CARD).replace("{queue: cpu}", "{compute_pool: h100}")
    repo.write({"costgate.yml": CONFIG, "finance/ratecard.yml": HEAD + card})
    result = runner("rates", "check", *AS_OF, cwd=repo.path)
    assert result.code == 2
    assert result.err == (
        "finance/ratecard.yml:15:3: two tiers match alike: 'h100' by compute_pool h100 (finance/ratecard.yml:11) and "
        "'cpu' by compute_pool h100 (finance/ratecard.yml:15)\n"
        "help: add a key to one of the rules: the more specific rule wins\n"
    )


def test_a_rule_that_decides_otherwise_is_not_used() -> None:
    named = a_step(instance_type="cpu", queue="h100", cpu=4)
    side = Side(config=ProjectConfig(), deployments=(deployed(named),), unpriced=())
    (placed,) = placements.place(PRICES, side)
    assert (placed.tier, placed.why, placed.rule) == ("cpu", "instance type cpu", None)


def test_versions_that_are_not_in_force_are_checked_too(repo: Repo, runner: Runner) -> None:
    card = """
        tiers: {cpu: {node: {cpus: 32}, hourly: 1, match: [{queue: cpu}]}}
        versions:
          - {effective_from: 2026-01-01, tiers: {old: {hourly: 1}}}
          - {effective_from: 2027-01-01, tiers: {new: {node: {cpus: 32}, hourly: 1, match: [{queue: cpu}]}}}
    """
    repo.write({"costgate.yml": CONFIG, "finance/ratecard.yml": HEAD + dedent(card)})
    result = runner("rates", "check", *AS_OF, cwd=repo.path)
    assert result.code == 2
    assert result.err == (
        "finance/ratecard.yml:7:42: tier 'old' has no node\n"
        "help: say what a node has, e.g. node: {cpus: 32}\n"
        "finance/ratecard.yml:8:42: two tiers match alike: 'cpu' by queue cpu (finance/ratecard.yml:5) and "
        "'new' by queue cpu (finance/ratecard.yml:8)\n"
        "help: add a key to one of the rules: the more specific rule wins\n"
    )


ODD = """
    extends: [old.yml, aws, new.yml]
    tiers:
      watts:
        node: {gpus: 8, cpus: 96}
        owned:
          purchase_price: 120000
          useful_life_months: 3
          power_kw: 6500
          electricity_per_kwh: 8
          facility_per_hour: 0.25
      month: {node: {cpus: 32}, hourly: 803}
      hour: {node: {gpus: 8}, leased: {per_month: 28.77}, planned_utilization: 0.7}
      zeros: {node: {cpus: 32}, hourly: 100000000}
      later: {node: {cpus: 32}, hourly: 1, price_date: 2027-01-01}
      first: {node: {cpus: 32}, hourly: 1, price_date: 2025-01-01}
      second: {node: {cpus: 32}, hourly: 1, price_date: 2025-01-01}
      free: {node: {cpus: 32}, hourly: 0}
      trn: {node: {trainium: 16, cpus: 128}, hourly: 900}
      ram: {node: {memory_gib: 128}, hourly: 900}
      dear: {node: {gpus: 1}, hourly: 50}
      cheap: {node: {cpus: 1000}, hourly: 1}
      power: {node: {gpus: 8}, owned: {power_kw: 200, electricity_per_kwh: 2, pue: 1.2}}
    storage:
      gift: {per_tb_month: 0}
      by_gb: {per_tb_month: 0.08}
      low: {per_tb_month: 1}
      high: {per_tb_month: 1000}
      by_year: {per_tb_month: 1001}
"""


def odd(runner: Runner, folder: Path, as_of: str = "2026-11-23", **changes: str) -> str:
    for name in ("old.yml", "new.yml"):
        (folder / name).write_text(HEAD + f"tiers: {{{name[:3]}: {{node: {{cpus: 1}}, hourly: 0.1}}}}\n")
    text = HEAD + dedent(ODD)
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "card.yml").write_text(text)
    result = runner("rates", "check", "--rate-card", "card.yml", "--as-of", as_of, cwd=folder)
    assert (result.code, result.err) == (0, "")
    return result.out


def test_what_looks_odd_is_asked_about(tmp_path: Path, runner: Runner, golden: Golden) -> None:
    golden("rates/check_questions.txt", odd(runner, tmp_path))


def test_prices_get_old(tmp_path: Path, runner: Runner) -> None:
    out = odd(runner, tmp_path, as_of="2027-10-03")
    assert "  the shipped aws prices are of 2026-07-20, over a year ago " in out
    assert out.endswith("is it still what finance reckons with?\n")
    assert out.count("2026-10-01, over a year ago") == 1


def test_prices_of_a_card_to_come_are_asked_about(tmp_path: Path, runner: Runner) -> None:
    out = odd(runner, tmp_path, as_of="2026-07-01")
    assert "the shipped aws prices are of 2026-07-20, which is to come" in out


def test_what_is_usual_in_another_currency_is_not_known(tmp_path: Path, runner: Runner) -> None:
    owned = "owned: {electricity_per_kwh: 30, power_kw: 900, facility_per_hour: 900}"
    card = f"{HEAD.replace('USD', 'JPY')}tiers: {{a: {{node: {{gpus: 1}}, {owned}}}}}\n"
    card += "storage: {disk: {per_tb_month: 9000}}\n"
    (tmp_path / "card.yml").write_text(card)
    out = runner("rates", "check", "--rate-card", "card.yml", *AS_OF, cwd=tmp_path).out
    assert [line.split()[1:4] for line in out.splitlines()[3:]] == [["a:", "power_kw", "is"]]
