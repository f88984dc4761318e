"""Decorators merged as Metaflow merges them: defaults, maxima, replacements, what is attached, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.config import DecoratorRule
from costgate.errors import InputError
from costgate.flow.resources import merge, parse_decospec
from costgate.model import NOTHING, Decorator, Known, Location, StepResources, Unresolved, Value

HERE = Location(path="flow.py", line=5, column=6)
STEP = Location(path="flow.py", line=9)
OPEN = Unresolved(expression="cfg.x", reason="the config is not known", location=Location(path="flow.py", line=4))


def deco(name: str, *args: Any, rest: Unresolved | None = None, line: int = 5, **kwargs: Any) -> Decorator:
    place = Location(path="flow.py", line=line, column=6)
    values = {k: v if isinstance(v, (Known, Unresolved)) else Known(value=v, chain=(place,)) for k, v in kwargs.items()}
    return Decorator(
        name=name, args=tuple(Known(value=a, chain=(place,)) for a in args), kwargs=values, rest=rest, location=place
    )


def some(name: str, attributes: dict[str, Any]) -> Decorator:
    return deco(name, **attributes)


def kubernetes(**kwargs: Any) -> Decorator:
    return deco("kubernetes", **kwargs)


def batch(**kwargs: Any) -> Decorator:
    return deco("batch", **kwargs)


def resources(**kwargs: Any) -> Decorator:
    return deco("resources", **kwargs)


def merged(
    *decorators: Decorator,
    target: str = "local",
    with_: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
    in_house: dict[str, DecoratorRule] | None = None,
) -> StepResources:
    return attached(*decorators, target=target, with_=with_, env=env, in_house=in_house)[1]


def attached(
    *decorators: Decorator,
    target: str = "local",
    with_: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
    in_house: dict[str, DecoratorRule] | None = None,
) -> tuple[tuple[Decorator, ...], StepResources]:
    specs = tuple(parse_decospec(text, HERE) for text in with_)
    return merge(
        decorators,
        target=target,
        with_specs=specs,
        metaflow_env={name: Known(value=text) for name, text in (env or {}).items()},
        in_house=in_house or {},
        location=STEP,
    )


def values(found: StepResources, *names: str) -> dict[str, Any]:
    """Attribute → value, or the reason why there is none."""
    result = {}
    for name in names:
        value: Value = getattr(found, name)
        result[name] = value.value if isinstance(value, Known) else value.reason
    return result


# What real Metaflow 2.19 answers for the same decorators.
METAFLOW = [
    ("bare @kubernetes", [kubernetes()], {"cpu": 1, "memory_mb": 4096, "disk_mb": 10240, "gpu": None}),
    ("@kubernetes alone may be small", [kubernetes(cpu=0.5, memory=500)], {"cpu": 0.5, "memory_mb": 500}),
    ("@kubernetes gpu and vendor", [kubernetes(gpu=2, gpu_vendor="amd")], {"gpu": 2, "gpu_vendor": "amd"}),
    ("the vendor is nvidia", [kubernetes()], {"gpu_vendor": "nvidia", "queue": None}),
    ("an explicit gpu of 0", [kubernetes(gpu=0)], {"gpu": 0}),
    ("text is a number", [kubernetes(cpu="2.0", gpu="4", memory="8192.5")], {"cpu": 2, "gpu": 4, "memory_mb": 8192.5}),
    ("@resources gpu replaces on Kubernetes", [resources(gpu=4), kubernetes(gpu=8)], {"gpu": 4}),
    ("even 0 replaces", [resources(gpu=0), kubernetes(gpu=1)], {"gpu": 0}),
    ("None does not replace", [resources(gpu=None), kubernetes(gpu=1)], {"gpu": 1}),
    ("shared memory replaces too", [resources(shared_memory=64), kubernetes(shared_memory=128)],
     {"shared_memory_mb": 64}),
    ("shared memory of 0", [resources(shared_memory=0), kubernetes(shared_memory=128)], {"shared_memory_mb": 0}),
    ("Kubernetes defaults are a floor", [resources(cpu=0.5, memory=500), kubernetes()], {"cpu": 1, "memory_mb": 4096}),
    ("the larger cpu, memory, disk", [resources(cpu=4, memory=1, disk=99999), kubernetes(cpu=2, memory=9000)],
     {"cpu": 4, "memory_mb": 9000, "disk_mb": 99999}),
    ("None in @kubernetes is 0 beside @resources", [resources(), kubernetes(cpu=None)], {"cpu": 1}),
    ("empty text is 0 beside @resources", [resources(cpu=2), kubernetes(cpu="")], {"cpu": 2}),
    ("bare @batch", [batch()], {"cpu": 1, "memory_mb": 4096, "gpu": 0, "disk_mb": None, "gpu_vendor": None}),
    ("Batch takes small @resources", [resources(cpu=0.5, memory=500), batch()], {"cpu": 0.5, "memory_mb": 500}),
    ("the default of @resources is a floor on Batch",
     [resources(cpu=4, gpu=1), batch(cpu=2, memory=1000, gpu=4)], {"cpu": 4, "gpu": 4, "memory_mb": 4096}),
    ("None in @resources leaves Batch's default", [resources(cpu=None, memory=None), batch()],
     {"cpu": 1, "memory_mb": 4096}),
    ("None in @resources leaves what @batch says", [resources(cpu=None), batch(cpu=3)], {"cpu": 3}),
    ("empty text on Batch is 0", [batch(gpu="")], {"gpu": 0}),
    ("equal texts that are no numbers leave Batch's default", [resources(memory="8G"), batch(memory="8G")],
     {"memory_mb": 4096}),
    ("disk is not for Batch", [resources(disk=50000), batch()], {"disk_mb": None}),
    ("shared memory on Batch is the larger", [resources(shared_memory=64), batch(shared_memory="128")],
     {"shared_memory_mb": 128}),
    ("trainium keeps its name", [batch(trainium=16)], {"trainium": 16, "inferentia": None}),
    ("inferentia", [batch(inferentia="2")], {"trainium": None, "inferentia": 2}),
    ("a queue", [batch(queue="gpus")], {"queue": "gpus"}),
    ("a selector as mapping", [kubernetes(node_selector={"pool": "a100", "n": 1, "x": None})],
     {"node_selector": {"pool": "a100", "n": "1", "x": ""}}),
    ("a selector as text", [kubernetes(node_selector="a=b,c=d=e")], {"node_selector": {"a": "b", "c": "d=e"}}),
    ("an empty selector", [kubernetes(node_selector={})], {"node_selector": None}),
    ("a compute pool is a label", [kubernetes(compute_pool="p", node_selector={"a": "b"})],
     {"node_selector": {"a": "b", "outerbounds.co/compute-pool": "p"}, "compute_pool": "p"}),
    ("a compute pool alone", [kubernetes(compute_pool="p")], {"node_selector": {"outerbounds.co/compute-pool": "p"}}),
    ("extended resources", [kubernetes(extended_resources={"nvidia.com/mig-3g.40gb": 1}), resources(gpu=2)],
     {"extended_resources": {"nvidia.com/mig-3g.40gb": 1}, "gpu": 2}),
    ("no extended resources", [kubernetes(extended_resources={})], {"extended_resources": None}),
    ("none at all", [kubernetes()], {"extended_resources": None, "persistent_volume_claims": None}),
    ("volumes", [kubernetes(persistent_volume_claims={"data": "/mnt"})],
     {"persistent_volume_claims": {"data": "/mnt"}}),
    ("a step on one's machine", [], {"cpu": None, "memory_mb": None, "gpu": None, "gpu_vendor": None}),
    ("@resources on one's machine", [resources(gpu=1)], {"cpu": 1, "memory_mb": 4096, "gpu": 1, "disk_mb": None}),
    ("other decorators do nothing", [deco("card"), deco("conda", python="3.11"), kubernetes()], {"cpu": 1}),
    ("attributes that are none of ours", [kubernetes(image="x", qos="guaranteed"), resources()], {"cpu": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("decorators", "expected"), [r[1:] for r in METAFLOW], ids=[r[0] for r in METAFLOW])
def test_merges_as_metaflow_does(decorators: list[Decorator], expected: dict[str, Any]) -> None:
    assert values(merged(*decorators), *expected) == expected


@pytest.mark.parametrize(("decorators", "expected"), [r[1:] for r in METAFLOW], ids=[r[0] for r in METAFLOW])
def test_the_order_of_decorators_does_not_matter(decorators: list[Decorator], expected: dict[str, Any]) -> None:
    assert values(merged(*reversed(decorators)), *expected) == expected


SETTINGS = [
    ("settings replace defaults", kubernetes(), {"CPU": "6", "MEMORY": "9999", "DISK": "777"},
     {"cpu": 6, "memory_mb": 9999, "disk_mb": 777}),
    ("settings replace what equals the text of the default", kubernetes(cpu=1, memory="4096"),
     {"CPU": "6", "MEMORY": "9999"}, {"cpu": 1, "memory_mb": 9999}),
    ("an empty setting is none", kubernetes(), {"CPU": ""}, {"cpu": 1}),
    ("a selector", kubernetes(), {"NODE_SELECTOR": "a=b"}, {"node_selector": {"a": "b"}}),
    ("a selector of the step's own wins", kubernetes(node_selector="c=d"), {"NODE_SELECTOR": "a=b"},
     {"node_selector": {"c": "d"}}),
    ("a vendor", kubernetes(), {"GPU_VENDOR": "amd"}, {"gpu_vendor": "amd"}),
    ("volumes", kubernetes(), {"PERSISTENT_VOLUME_CLAIMS": '{"d": "/d"}'}, {"persistent_volume_claims": {"d": "/d"}}),
    ("volumes that are no JSON", kubernetes(), {"PERSISTENT_VOLUME_CLAIMS": "d=/d"},
     {"persistent_volume_claims": "Metaflow would refuse persistent_volume_claims='d=/d': it must be JSON"}),
    ("an empty vendor is refused", kubernetes(), {"GPU_VENDOR": ""},
     {"gpu_vendor": "Metaflow would refuse gpu_vendor='': it must be amd or nvidia"}),
    ("shared memory is text, which Metaflow refuses", kubernetes(), {"SHARED_MEMORY": "64"},
     {"shared_memory_mb": "Metaflow would refuse shared_memory='64': it must be an integer greater than 0"}),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "env", "expected"), [r[1:] for r in SETTINGS], ids=[r[0] for r in SETTINGS])
def test_settings_of_the_deploying_machine(given_: Decorator, env: dict[str, str], expected: dict[str, Any]) -> None:
    full = {f"METAFLOW_KUBERNETES_{name}": value for name, value in env.items()}
    assert values(merged(given_, env=full), *expected) == expected


def test_resources_replace_a_shared_memory_setting() -> None:
    found = merged(kubernetes(), resources(shared_memory=32), env={"METAFLOW_KUBERNETES_SHARED_MEMORY": "64"})
    assert values(found, "shared_memory_mb") == {"shared_memory_mb": 32}


def test_the_job_queue_is_a_default() -> None:
    env = {"METAFLOW_BATCH_JOB_QUEUE": "main"}
    queues = [merged(d, env=env).queue for d in (batch(), batch(queue="gpus"), batch(queue=None))]
    assert [queue.value for queue in queues if isinstance(queue, Known)] == ["main", "gpus", None]


ATTACHED = [
    ("Argo puts every step on Kubernetes", "argo-workflows", (), [], "kubernetes", ["kubernetes"]),
    ("Step Functions puts every step on Batch", "step-functions", (), [], "batch", ["batch"]),
    ("a run leaves steps local", "local", (), [], "local", []),
    ("--with attaches", "local", ("kubernetes:cpu=2",), [], "kubernetes", ["kubernetes"]),
    ("what the step has wins", "local", ("kubernetes:cpu=2",), [kubernetes(cpu=3)], "kubernetes", ["kubernetes"]),
    ("--with wins over the target", "argo-workflows", ("kubernetes:cpu=2",), [], "kubernetes", ["kubernetes"]),
    ("the first of two --with wins", "local", ("batch:cpu=2", "batch:cpu=9"), [], "batch", ["batch"]),
    ("other decorators are attached too", "local", ("retry", "card"), [], "local", ["retry", "card"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "with_", "own", "compute", "names"), [r[1:] for r in ATTACHED], ids=[r[0] for r in ATTACHED]
)
def test_what_is_attached(
    target: str, with_: tuple[str, ...], own: list[Decorator], compute: str, names: list[str]
) -> None:
    decorators, found = attached(*own, target=target, with_=with_)
    assert (found.compute, [d.name for d in decorators]) == (compute, names)


def test_the_values_of_what_is_attached_count() -> None:
    found = merged(resources(cpu=1), target="argo-workflows", with_=("kubernetes:cpu=2,memory=8192", "retry:times=1"))
    assert values(found, "cpu", "memory_mb", "retry_times") == {"cpu": 2, "memory_mb": 8192, "retry_times": 1}


def test_default_decospecs_come_between_with_and_target() -> None:
    env = {"METAFLOW_DEFAULT_DECOSPECS": "kubernetes:cpu=7 retry:times=2"}
    decorators, found = attached(target="argo-workflows", with_=("retry:times=1",), env=env)
    assert values(found, "cpu", "retry_times") == {"cpu": 7, "retry_times": 1}
    assert [(d.name, d.origin) for d in decorators] == [("retry", "with"), ("kubernetes", "with")]


def test_a_bad_default_decospec_leaves_everything_unknown() -> None:
    found = merged(kubernetes(), env={"METAFLOW_DEFAULT_DECOSPECS": "retry kubernetes:cpu"})
    assert isinstance(found.cpu, Unresolved)
    assert found.cpu.reason.startswith("Metaflow would refuse METAFLOW_DEFAULT_DECOSPECS: the decospec")


def test_step_functions_submits_a_kubernetes_step_to_batch() -> None:
    """It attaches @batch beside @kubernetes and looks only at that."""
    decorators, found = attached(kubernetes(cpu=8, gpu=2), resources(memory=9000), target="step-functions")
    assert [d.name for d in decorators] == ["kubernetes", "resources", "batch"]
    assert values(found, "compute_pool", "cpu", "memory_mb", "gpu") == {
        "compute_pool": None, "cpu": 1, "memory_mb": 9000, "gpu": 0,
    }  # fmt: skip
    assert found.compute == "batch"


REFUSED = [
    ("memory with a suffix on Kubernetes", [kubernetes(memory="8G")], "memory_mb", "it is no number"),
    ("memory with a suffix on Batch", [batch(memory="8G")], "memory_mb", "it is no number"),
    ("unequal texts on Batch", [batch(memory="16G"), resources(memory="8G")], "memory_mb", "it is no number"),
    ("a third of a GPU on Kubernetes", [kubernetes(gpu=1.5)], "gpu", "it must be an integer"),
    ("a whole GPU as float on Kubernetes", [kubernetes(gpu=2.0)], "gpu", "it must be an integer"),
    ("a half GPU as text", [kubernetes(gpu="0.5")], "gpu", "it must be a whole number"),
    ("a half GPU on Batch", [batch(gpu=1.5)], "gpu", "it must be a whole number"),
    ("a negative GPU", [batch(gpu=-1)], "gpu", "it must be a whole number"),
    ("a GPU that is no number", [kubernetes(gpu="two")], "gpu", "it is no number"),
    ("no cpu", [kubernetes(cpu=0)], "cpu", "it must be greater than 0"),
    ("no cpu on Batch", [batch(cpu="")], "cpu", "it must be greater than 0"),
    ("cpu None on Kubernetes", [kubernetes(cpu=None)], "cpu", "it must be greater than 0"),
    ("cpu None everywhere", [kubernetes(cpu=None), resources(cpu=None)], "cpu", "it must be greater than 0"),
    ("a negative memory", [batch(memory=-1)], "memory_mb", "it must be greater than 0"),
    ("a truth value", [kubernetes(cpu=True)], "cpu", "it is no number"),
    ("a list", [kubernetes(cpu=[1])], "cpu", "it is no number"),
    ("not a number", [kubernetes(cpu=float("nan"))], "cpu", "it is no number"),
    ("an absurd number", [kubernetes(cpu=10**400)], "cpu", "it is no number"),
    ("a list beside @resources", [kubernetes(cpu=[1]), resources()], "cpu", "it is no number"),
    ("a shared memory that is text", [kubernetes(), resources(shared_memory="1")], "shared_memory_mb", "an integer"),
    ("a negative shared memory", [kubernetes(shared_memory=-1)], "shared_memory_mb", "an integer greater than 0"),
    ("shared memory that is a truth value", [kubernetes(shared_memory=True)], "shared_memory_mb", "an integer"),
    ("no shared memory on Batch", [batch(shared_memory=0)], "shared_memory_mb", "it must be greater than 0"),
    ("a vendor of its own", [kubernetes(gpu_vendor="intel")], "gpu_vendor", "it must be amd or nvidia"),
    ("a vendor that is no text", [kubernetes(gpu_vendor=3)], "gpu_vendor", "it must be amd or nvidia"),
    ("a selector without a value", [kubernetes(node_selector="a100")], "node_selector", "it must be a mapping"),
    ("a label twice", [kubernetes(node_selector="a=b,a=c")], "node_selector", "it must be a mapping"),
    ("a selector of another kind", [kubernetes(node_selector=["a=b"])], "node_selector", "it must be a mapping"),
    ("an empty selector text", [kubernetes(node_selector="")], "node_selector", "it must be a mapping"),
    ("extended resources as text", [kubernetes(extended_resources="a=1")], "extended_resources", "must be a mapping"),
    ("trainium and inferentia", [batch(trainium=1, inferentia=1)], "trainium", "inferentia is given too"),
    ("@batch and @kubernetes", [batch(), kubernetes()], "cpu", "both @batch and @kubernetes on a step"),
    ("@kubernetes twice", [kubernetes(), kubernetes()], "gpu", "@kubernetes twice on a step"),
    ("@resources twice", [resources(), resources()], "cpu", "@resources twice on a step"),
    ("an unknown attribute", [kubernetes(gpus=2)], "gpu", "'gpus', which is no attribute of @kubernetes"),
    ("an unknown attribute of @resources", [resources(gpus=2), batch()], "gpu", "no attribute of @resources"),
    ("a positional argument", [deco("resources", 4)], "cpu", "@resources with a positional argument"),
    ("too many retries", [deco("retry", times=5)], "retry_times", "4 retries are the most"),
    ("retries that are no number", [deco("retry", times="many")], "retry_times", "it is no whole number"),
    ("retries without end", [deco("retry", times=float("inf"))], "retry_times", "it is no whole number"),
    ("@retry twice", [deco("retry"), deco("retry")], "retry_times", "@retry twice on a step"),
    ("an unknown attribute of @retry", [deco("retry", time=1)], "retry_times", "no attribute of @retry"),
    ("no timeout in @timeout", [deco("timeout")], "timeout_s", "a timeout of 0 seconds"),
    ("half a minute on Kubernetes", [deco("timeout", seconds=30), kubernetes()], "timeout_s", "30 seconds"),
    ("half a minute as text", [deco("timeout", minutes="0.5")], "timeout_s", "it is no whole number"),
    ("a timeout beyond reason", [deco("timeout", hours=10**30)], "timeout_s", "a timeout of"),
    ("a timeout of None", [deco("timeout", hours=None)], "timeout_s", "it is no whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("decorators", "name", "why"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_metaflow_would_refuse_is_unresolved(decorators: list[Decorator], name: str, why: str) -> None:
    found = getattr(merged(*decorators), name)
    assert isinstance(found, Unresolved)
    assert found.reason.startswith("Metaflow would refuse ")
    assert why in found.reason
    assert found.location.path == "flow.py"


@pytest.mark.parametrize(
    ("own", "with_"),
    [([batch()], ()), ([batch()], ("kubernetes",)), ([], ("batch",))],
    ids=["own", "with", "both with"],
)
def test_argo_refuses_a_batch_step(own: list[Decorator], with_: tuple[str, ...]) -> None:
    found = merged(*own, target="argo-workflows", with_=with_)
    assert isinstance(found.cpu, Unresolved)
    assert "both @batch and @kubernetes" in found.cpu.reason


def test_names_out_of_an_unpacked_config_are_not_checked() -> None:
    given_ = Decorator(name="resources", kwargs={"gpus": Known(value=2)}, unpacked=frozenset({"gpus"}), location=HERE)
    assert values(merged(given_, kubernetes()), "cpu", "gpu") == {"cpu": 1, "gpu": None}


UNRESOLVED = [
    ("cpu of @kubernetes", [kubernetes(cpu=OPEN)], "cpu"),
    ("cpu of @resources on Kubernetes", [kubernetes(cpu=9), resources(cpu=OPEN)], "cpu"),
    ("cpu of @kubernetes beside @resources", [kubernetes(cpu=OPEN), resources(cpu=9)], "cpu"),
    ("gpu of @resources on Kubernetes", [kubernetes(gpu=1), resources(gpu=OPEN)], "gpu"),
    ("gpu of @kubernetes without @resources", [kubernetes(gpu=OPEN)], "gpu"),
    ("memory of @batch", [batch(memory=OPEN), resources(memory=1)], "memory_mb"),
    ("memory of @resources on Batch", [batch(memory=1), resources(memory=OPEN)], "memory_mb"),
    ("shared memory", [kubernetes(shared_memory=OPEN)], "shared_memory_mb"),
    ("shared memory on Batch", [batch(shared_memory=OPEN)], "shared_memory_mb"),
    ("a selector", [kubernetes(node_selector=OPEN)], "node_selector"),
    ("a compute pool in the selector", [kubernetes(node_selector={"a": "b"}, compute_pool=OPEN)], "node_selector"),
    ("a compute pool", [kubernetes(compute_pool=OPEN)], "compute_pool"),
    ("a vendor", [kubernetes(gpu_vendor=OPEN)], "gpu_vendor"),
    ("extended resources", [kubernetes(extended_resources=OPEN)], "extended_resources"),
    ("volumes", [kubernetes(persistent_volume_claims=OPEN)], "persistent_volume_claims"),
    ("a queue", [batch(queue=OPEN)], "queue"),
    ("trainium", [batch(trainium=OPEN, inferentia=1)], "trainium"),
    ("cpu on one's machine", [resources(cpu=OPEN)], "cpu"),
    ("an unknown unpacking in @resources", [deco("resources", rest=OPEN, disk=1), kubernetes()], "disk_mb"),
    ("an unknown unpacking in @kubernetes", [deco("kubernetes", rest=OPEN, cpu=1)], "cpu"),
    ("an unknown unpacking in @batch", [deco("batch", rest=OPEN)], "queue"),
    ("retries", [deco("retry", times=OPEN)], "retry_times"),
    ("retries out of an unknown unpacking", [deco("retry", rest=OPEN)], "retry_times"),
    ("a timeout", [deco("timeout", hours=OPEN, seconds=60)], "timeout_s"),
    ("a timeout out of an unknown unpacking", [deco("timeout", rest=OPEN)], "timeout_s"),
]  # fmt: skip


@pytest.mark.parametrize(("decorators", "name"), [r[1:] for r in UNRESOLVED], ids=[r[0] for r in UNRESOLVED])
def test_an_unknown_part_leaves_the_whole_unknown(decorators: list[Decorator], name: str) -> None:
    assert getattr(merged(*decorators), name) == OPEN


def test_a_setting_does_not_replace_an_unknown_value() -> None:
    assert merged(kubernetes(cpu=OPEN), env={"METAFLOW_KUBERNETES_CPU": "6"}).cpu == OPEN


def test_an_unknown_part_that_is_replaced_does_not_matter() -> None:
    assert values(merged(kubernetes(gpu=OPEN), resources(gpu=4)), "gpu") == {"gpu": 4}


def test_an_unknown_attribute_leaves_the_others_known() -> None:
    found = merged(kubernetes(cpu=OPEN, memory=9000))
    assert values(found, "memory_mb", "gpu") == {"memory_mb": 9000, "gpu": None}


def chains(found: StepResources, name: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    value = getattr(found, name)
    assert isinstance(value, Known)
    return tuple(place.line for place in value.chain), value.notes


def test_a_value_comes_from_where_the_winner_was_written() -> None:
    found = merged(deco("resources", line=1, cpu=4, memory=1), deco("kubernetes", line=2, cpu=2, memory=9000))
    assert chains(found, "cpu") == ((1,), ())
    assert chains(found, "memory_mb") == ((2,), ())
    assert chains(found, "disk_mb") == ((2,), ("Metaflow's default",))


def test_of_two_equal_values_the_written_one_counts() -> None:
    found = merged(deco("resources", line=1, memory=4096), deco("kubernetes", line=2))
    assert chains(found, "memory_mb") == ((1,), ())
    both = merged(deco("resources", line=1, memory=4096), deco("kubernetes", line=2, memory=4096))
    assert chains(both, "memory_mb") == ((2,), ())


def test_what_the_target_attaches_stands_at_the_step() -> None:
    assert chains(merged(target="step-functions"), "cpu") == ((9,), ("Metaflow's default",))


def test_a_setting_is_named_in_the_notes() -> None:
    found = merged(kubernetes(), env={"METAFLOW_KUBERNETES_CPU": "6"})
    assert chains(found, "cpu") == ((5,), ("METAFLOW_KUBERNETES_CPU=6",))


LIMITS = [
    ("no @retry", [], "retry_times", None),
    ("bare @retry", [deco("retry")], "retry_times", 3),
    ("retries as text", [deco("retry", times="2")], "retry_times", 2),
    ("a fraction is cut", [deco("retry", times=2.9)], "retry_times", 2),
    ("no retries", [deco("retry", times=0)], "retry_times", 0),
    ("fewer than none is none", [deco("retry", times=-2)], "retry_times", 0),
    ("four retries", [deco("retry", times=4)], "retry_times", 4),
    ("no @timeout", [], "timeout_s", None),
    ("hours, minutes and seconds add up", [deco("timeout", hours=1, minutes="2", seconds=3)], "timeout_s", 3723),
    ("a minute on Kubernetes", [deco("timeout", seconds=60), kubernetes()], "timeout_s", 60),
    ("a second on one's machine", [deco("timeout", seconds=1)], "timeout_s", 1),
]


@pytest.mark.parametrize(("decorators", "name", "value"), [r[1:] for r in LIMITS], ids=[r[0] for r in LIMITS])
def test_retries_and_timeouts(decorators: list[Decorator], name: str, value: int | None) -> None:
    assert values(merged(*decorators), name) == {name: value}


def test_a_timeout_of_one_part_comes_from_there() -> None:
    there = Known(value=2, chain=(HERE, Location(path="config.json", line=3)))
    found = merged(deco("timeout", hours=there)).timeout_s
    assert found == Known(value=7200, chain=there.chain)
    assert merged(deco("timeout", hours=there, minutes=1)).timeout_s == Known(value=7260, chain=(HERE,))


def rule(compute: str | None = None, **attributes: str) -> dict[str, DecoratorRule]:
    return {"gpu_step": DecoratorRule(name="gpu_step", attributes=attributes, compute=compute)}


IN_HOUSE = [
    ("a place to run", rule("kubernetes", gpu="n"), [deco("gpu_step", n=4)], "kubernetes", {"gpu": 4, "cpu": 1}),
    ("a place on Batch", rule("batch", gpu="n"), [deco("gpu_step", n=4)], "batch", {"gpu": 4, "cpu": 1}),
    ("like @resources", rule(gpu="n", memory="mem"), [deco("gpu_step", n=4, mem=9000)], "local",
     {"gpu": 4, "memory_mb": 9000, "cpu": 1}),
    ("like @resources beside @kubernetes", rule(cpu="n"), [deco("gpu_step", n=4), kubernetes(cpu=2)], "kubernetes",
     {"cpu": 4}),
    ("names with a unit", rule("kubernetes", memory_mb="mem"), [deco("gpu_step", mem=9000)], "kubernetes",
     {"memory_mb": 9000}),
    ("beside Metaflow's own", rule("kubernetes", gpu="n"), [kubernetes(cpu=8), deco("gpu_step", n=4)], "kubernetes",
     {"cpu": 8, "gpu": 4}),
    ("equal to Metaflow's own", rule("kubernetes", gpu="n"), [kubernetes(gpu=4), deco("gpu_step", n=4)], "kubernetes",
     {"gpu": 4}),
    ("unlike Metaflow's own", rule("kubernetes", gpu="n"), [kubernetes(gpu=2), deco("gpu_step", n=4)], "kubernetes",
     {"gpu": "'gpu' is set both by @gpu_step and by @kubernetes"}),
    ("the only positional argument", rule("kubernetes", gpu="n"), [deco("gpu_step", 4)], "kubernetes", {"gpu": 4}),
    ("one of several positional arguments", rule("kubernetes", gpu="n"), [deco("gpu_step", 4, "x")], "kubernetes",
     {"gpu": "the argument 'n' of @gpu_step cannot be told from positional arguments"}),
    ("a positional argument for one of two", rule("kubernetes", gpu="n", cpu="c"), [deco("gpu_step", 4)], "kubernetes",
     {"gpu": "the argument 'n' of @gpu_step cannot be told from positional arguments"}),
    ("an argument that is not given", rule("kubernetes", gpu="n"), [deco("gpu_step")], "kubernetes",
     {"gpu": "the argument 'n' of @gpu_step is not given, and its default is not known"}),
    ("an unknown unpacking", rule("kubernetes", gpu="n"), [deco("gpu_step", rest=OPEN)], "kubernetes",
     {"gpu": "the config is not known"}),
    ("an attribute that the place has not", rule("kubernetes", queue="q"), [deco("gpu_step", q="x")], "kubernetes",
     {"queue": "x", "cpu": 1}),
    ("an instance type on Batch", rule("batch", instance_type="kind"), [deco("gpu_step", kind="p4d.24xlarge")], "batch",
     {"instance_type": "p4d.24xlarge", "cpu": 1}),
    ("an instance type that is not known", rule("batch", gpu="n", instance_type="kind"), [deco("gpu_step", n=4)],
     "batch",
     {"gpu": 4, "instance_type": "the argument 'kind' of @gpu_step is not given, and its default is not known"}),
    ("devices that the place has not", rule("kubernetes", trainium="t"), [deco("gpu_step", t="16")], "kubernetes",
     {"trainium": 16}),
    ("a node selector for the place that the step has", rule(gpu="n", node_selector="s", instance_type="i"),
     [kubernetes(), deco("gpu_step", n=4, s="pool=a100", i="big")], "kubernetes",
     {"gpu": 4, "node_selector": {"pool": "a100"}, "instance_type": "big"}),
    ("a node selector and no size", rule(node_selector="s"), [deco("gpu_step", s="pool=a100")], "local",
     {"node_selector": {"pool": "a100"}, "cpu": None}),
    ("a compute pool for the place that the step has", rule(compute_pool="p"), [kubernetes(), deco("gpu_step", p="a")],
     "kubernetes", {"compute_pool": "a", "node_selector": {"outerbounds.co/compute-pool": "a"}}),
    ("a node selector on Batch", rule("batch", node_selector="s"), [deco("gpu_step", s="pool=a100")], "batch",
     {"node_selector": {"pool": "a100"}}),
    ("a node selector that is none", rule("batch", node_selector="s"), [deco("gpu_step", s="a100")], "batch",
     {"node_selector": "Metaflow would refuse node_selector='a100': it must be a mapping or a text like \"a=b,c=d\""}),
    ("on one's machine", rule("local", gpu="n", instance_type="i", node_selector="s"),
     [deco("gpu_step", n="2", i="big", s={"a": "b"})], "local",
     {"gpu": 2, "instance_type": "big", "node_selector": {"a": "b"}, "cpu": None}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "decorators", "compute", "expected"), [r[1:] for r in IN_HOUSE], ids=[r[0] for r in IN_HOUSE]
)
def test_in_house_decorators(
    rules: dict[str, DecoratorRule], decorators: list[Decorator], compute: str, expected: dict[str, Any]
) -> None:
    found = merged(*decorators, in_house=rules)
    assert (found.compute, values(found, *expected)) == (compute, expected)


@pytest.mark.parametrize(
    ("rules", "compute", "names"),
    [
        (rule("kubernetes", gpu="n"), "kubernetes", ["gpu_step"]),
        (rule("batch", gpu="n"), "batch", ["gpu_step", "kubernetes"]),
        (rule("local", gpu="n"), "local", ["gpu_step"]),
        (rule(gpu="n"), "kubernetes", ["gpu_step", "kubernetes"]),
    ],
    ids=["its own place", "a place that Argo refuses", "another place", "no place"],
)
def test_a_target_attaches_beside_in_house_decorators(
    rules: dict[str, DecoratorRule], compute: str, names: list[str]
) -> None:
    decorators, found = attached(deco("gpu_step", n=4), target="argo-workflows", in_house=rules)
    assert (found.compute, [d.name for d in decorators]) == (compute, names)


DECOSPECS = [
    ("a name", "kubernetes", "kubernetes", {}),
    ("a colon and nothing", "retry:", "retry", {}),
    ("numbers", "kubernetes:cpu=2,memory=4096.5", "kubernetes", {"cpu": 2, "memory": 4096.5}),
    ("text", "batch:queue=gpus,image=repo/x:1", "batch", {"queue": "gpus", "image": "repo/x:1"}),
    ("JSON with commas", 'kubernetes:node_selector={"a": "b", "c": "d"},cpu=2', "kubernetes",
     {"node_selector": {"a": "b", "c": "d"}, "cpu": 2}),
    ("escaped quotes", 'kubernetes:node_selector={\\"a\\": \\"b\\"}', "kubernetes", {"node_selector": {"a": "b"}}),
    ("truth values and null", "batch:use_tmpfs=true,gpu=null", "batch", {"use_tmpfs": True, "gpu": None}),
    ("an equals sign in the value", "environment:vars=a=b", "environment", {"vars": "a=b"}),
    ("numbers that JSON does not know", "batch:cpu=+2,gpu=.5", "batch", {"cpu": 2, "gpu": 0.5}),
    ("a dotted name", "acme.tools.gpu_step:n=4", "gpu_step", {"n": 4}),
    ("spaces", "batch:cpu = 2 , gpu = 1", "batch", {"cpu": 2, "gpu": 1}),
    ("a value as deep as a well", f"batch:x={'[' * 100_000}", "batch", {"x": "[" * 100_000}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "kwargs"), [r[1:] for r in DECOSPECS], ids=[r[0] for r in DECOSPECS])
def test_decospecs(text: str, name: str, kwargs: dict[str, Any]) -> None:
    found = parse_decospec(text, HERE)
    assert (found.name, found.origin, found.location) == (name, "with", HERE)
    assert found.kwargs == {key: Known(value=value, chain=(HERE,)) for key, value in kwargs.items()}


@pytest.mark.parametrize(
    "text", ["", ":cpu=2", "two words", "kubernetes:cpu", "kubernetes:=2", "kubernetes: =2", "9lives", "a=b"]
)
def test_malformed_decospecs_are_input_errors(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_decospec(text, HERE)
    assert raised.value.problems[0].where == "flow.py:5:6"
    assert "kubernetes:cpu=2" in raised.value.problems[0].help


@given(text=st.text(max_size=30))
def test_any_text_is_a_decospec_or_an_input_error(text: str) -> None:
    for candidate in (text, f"batch:{text}", f"batch:cpu={text}"):
        try:
            found = parse_decospec(candidate, HERE)
        except InputError as error:
            assert error.problems[0].where == str(HERE)  # noqa: PT017
        else:
            assert merged(found).compute in ("local", "batch", "kubernetes")


AMOUNT = st.one_of(st.integers(1, 10**6), st.floats(0.25, 10**6), st.integers(1, 1000).map(str))
PLACE = st.sampled_from(["kubernetes", "batch"])
NAME = st.sampled_from(["cpu", "memory"])


@given(place=PLACE, name=NAME, one=AMOUNT, other=AMOUNT, rise=st.integers(0, 10**6), where=st.booleans())
def test_a_merged_number_never_falls_when_an_input_rises(
    place: str, name: str, one: Any, other: Any, rise: int, where: bool
) -> None:
    field = {"cpu": "cpu", "memory": "memory_mb"}[name]
    more = (float(one) + rise, other) if where else (one, float(other) + rise)
    before, after = (
        getattr(merged(some(place, {name: a}), some("resources", {name: b})), field).value
        for a, b in ((one, other), more)
    )
    assert after >= before
    assert before >= max(float(one), float(other))


VALUE = st.one_of(st.none(), st.booleans(), st.integers(-2, 9), st.floats(), st.text(max_size=3), st.just(OPEN))
ATTRIBUTES = st.dictionaries(st.sampled_from(["cpu", "gpu", "memory", "shared_memory", "queue", "odd"]), VALUE)


@given(
    own=st.lists(
        st.tuples(st.sampled_from(["kubernetes", "batch", "resources", "retry", "timeout"]), ATTRIBUTES), max_size=4
    ),
    target=st.sampled_from(["local", "argo-workflows", "step-functions"]),
)
def test_merging_is_deterministic_and_never_raises(own: list[tuple[str, dict[str, Any]]], target: str) -> None:
    decorators = [some(name, attributes) for name, attributes in own]
    first, second = (attached(*decorators, target=target) for _ in range(2))
    assert first == second
    assert first[1].touched_by is None
    assert isinstance(first[1].cpu, (Known, Unresolved))


def test_nothing_is_nothing() -> None:
    assert merged() == StepResources(compute="local", retry_times=NOTHING, timeout_s=NOTHING)


def test_two_in_house_decorators_must_say_the_same() -> None:
    rules = {
        name: DecoratorRule(name=name, attributes={"instance_type": "i"}, compute="batch") for name in ("one", "two")
    }
    assert values(merged(deco("one", i="a"), deco("two", i="a"), in_house=rules), "instance_type") == {
        "instance_type": "a"
    }
    assert values(merged(deco("one", i="a"), deco("two", i="b"), in_house=rules), "instance_type") == {
        "instance_type": "'instance_type' is set both by @two and by another"
    }


def test_what_metaflow_would_refuse_stays_so() -> None:
    found = merged(deco("batch"), deco("batch"), deco("gpu_step", q="x"), in_house=rule(queue="q"))
    assert isinstance(found.queue, Unresolved)
