"""The private parts of Prefect that sluice leans on. A new version of Prefect shows here what it changed."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any
from uuid import uuid4

import prefect
import pytest
from prefect import Flow, Task, flow, flow_engine, flows, task_engine
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateDetails
from prefect.events.worker import EventsWorker
from prefect.exceptions import ParameterTypeError
from prefect.flow_engine import AsyncFlowRunEngine
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.events.schemas.automations import TriggeredAction
from prefect.server.events.services import actions
from prefect.server.utilities.messaging import create_publisher
from prefect.settings.context import get_current_settings
from prefect.states import Completed
from prefect.task_engine import BaseTaskRunEngine
from prefect.utilities import engine as engine_tools
from prefect.utilities.schema_tools import validation
from prefect.workers.base import BaseWorker

from deployments.server import engine as server_engine
from deployments.worker import engine
from sluice.errors import TerminalError
from tasks.people.label_run import tags_of
from tasks.scene.rollout_ref import RolloutRef


def test_prefect_is_the_version_that_this_was_written_for() -> None:
    """Raise the version in `deployments.worker.engine` only with all tests of this folder green."""
    assert prefect.__version__ == engine.PREFECT_VERSION


def test_another_version_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better not to start than to hold rollouts with an engine nobody tried."""
    monkeypatch.setattr(prefect, "__version__", "9.9.9")
    with pytest.raises(TerminalError, match=f"prefect=={engine.PREFECT_VERSION}"):
        engine.check_version()


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (BaseWorker, "_sync_and_initialize", ["self"]),
        (BaseWorker, "_setup_cancellation_observer", ["self"]),
        (BaseWorker, "_emit_worker_started_event", ["self"]),
        (AsyncFlowRunEngine, "set_state", ["self", "state", "force"]),
        (AsyncFlowRunEngine, "handle_crash", ["self", "exc"]),
        (AsyncFlowRunEngine, "handle_cancellation", ["self", "exc"]),
        (AsyncFlowRunEngine, "handle_exception", ["self", "exc", "msg", "result_store"]),
        (AsyncFlowRunEngine, "call_flow_fn", ["self"]),
        (EventsWorker, "_handle", ["self", "event"]),
        (PrefectClient, "read_flow_run", ["self", "flow_run_id"]),
        (PrefectClient, "set_flow_run_name", ["self", "flow_run_id", "name"]),
        (TriggeredAction, "idempotency_key", ["self"]),
        (AioSqliteConfiguration, "begin_transaction", ["self", "session", "with_for_update"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_overridden_or_called_still_has_its_form(owner: type, name: str, parameters: list[str]) -> None:
    """A method that is gone or takes something else would be overridden in vain."""
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_the_engine_still_asks_for_sigterm_by_the_name_that_is_replaced() -> None:
    """`in_process` swaps this name while workers run."""
    assert "with capture_sigterm():" in inspect.getsource(AsyncFlowRunEngine.initialize_run)
    assert callable(vars(flow_engine)["capture_sigterm"])


def test_the_engine_observes_suspensions_only_for_runs_with_a_deployment() -> None:
    """`run` hides the deployment's id to do without a thread and a websocket per run."""
    source = inspect.getsource(AsyncFlowRunEngine.setup_flow_run_suspension_request)
    assert "if self.flow_run.deployment_id:" in source


def test_heartbeats_can_be_switched_off_inside() -> None:
    """A thread per run is saved; the setting is refused from the environment."""
    with engine.prefect_settings({}):
        assert get_current_settings().flows.heartbeat_frequency is None
    assert get_current_settings().flows.heartbeat_frequency is not None


async def test_actions_are_taken_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """One slow start of a flow run does not hold up the others; the service sees one consumer."""
    monkeypatch.setattr(actions, "create_consumer", vars(actions)["create_consumer"])
    server_engine.take_actions_side_by_side()
    began, all_began = 0, asyncio.Event()

    async def handler(message: Any) -> None:
        nonlocal began
        began += 1
        if began == server_engine.ACTIONS_AT_ONCE:
            all_began.set()
        await all_began.wait()

    consumer = vars(actions)["create_consumer"]("actions-test", name="one")
    running = asyncio.create_task(consumer.run(handler))
    await asyncio.sleep(0)
    async with create_publisher("actions-test") as publisher:
        for number in range(server_engine.ACTIONS_AT_ONCE):
            await publisher.publish_data(str(number).encode(), {})
    async with asyncio.timeout(20):
        await all_began.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await consumer.cleanup()


def test_the_actions_service_still_asks_for_its_consumer_by_that_name() -> None:
    """It would otherwise take one action after the other again."""
    assert "create_consumer(" in inspect.getsource(actions.Actions.start)


def test_a_schema_is_checked_once_and_a_broken_one_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether parameters fit is checked each time."""
    validator = vars(validation)["_VALIDATOR"]
    checked: list[Any] = []
    check = validator.check_schema

    def counted(schema: Any, *args: Any, **options: Any) -> None:
        checked.append(schema)
        check(schema, *args, **options)

    monkeypatch.setattr(validator, "check_schema", counted)
    server_engine.check_a_schema_once()
    sound = {"type": "object", "properties": {"canary": {"type": "string"}}, "required": ["canary"]}
    for _ in range(3):
        validation.validate({"canary": "shop"}, sound, raise_on_error=True)
        with pytest.raises(validation.ValidationError):
            validation.validate({"canary": 7}, sound, raise_on_error=True)
    assert len(checked) == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="Invalid schema"):
            validation.is_valid_schema({"type": "no such type"})
    assert len(checked) == 3


@pytest.mark.parametrize(
    ("parameters", "tags"),
    [
        (
            {"canary": "shop", "namespace": "test", "version": "1.2.0"},
            ["mine", *sorted(tags_of("shop", "test", "1.2.0"))],
        ),
        ({"canary": "shop", "namespace": "test", "version": ""}, ["mine"]),
        ({"image": "registry/shop"}, ["mine"]),
    ],
    ids=["a rollout", "of no version", "another flow"],
)
def test_a_run_is_tagged_by_its_worker_where_its_parameters_say_all(
    parameters: dict[str, str], tags: list[str]
) -> None:
    """Next to who carries it, in one call; else by its code, which finds the version in the cluster."""
    run = FlowRun(id=uuid4(), flow_id=uuid4(), tags=["mine"], parameters=parameters)
    assert vars(engine)["_tags"](run) == tags


async def test_the_model_of_parameters_is_made_once_and_they_are_checked_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prefect makes a class for each run of a flow."""
    made: list[Any] = []
    real = vars(flows)["ValidatedFunction"]

    def counted(function: Any, config: Any = None) -> Any:
        made.append(function)
        return real(function, config=config)

    @flow
    async def deliver(namespace: str, times: int = 1) -> None:
        """Nothing."""

    @flow
    async def another(namespace: str) -> None:
        """Nothing."""

    monkeypatch.setattr(flows, "ValidatedFunction", counted)
    with vars(engine)["_plain"]():
        for _ in range(3):
            assert deliver.validate_parameters({"namespace": "shop", "times": "7"}) == {"namespace": "shop", "times": 7}
            with pytest.raises(ParameterTypeError):
                deliver.validate_parameters({"namespace": "shop", "times": "many"})
        assert another.validate_parameters({"namespace": "shop"}) == {"namespace": "shop"}
    assert made == [deliver.fn, another.fn]
    deliver.validate_parameters({"namespace": "shop"})
    assert made[2:] == [deliver.fn]


async def test_what_a_stage_is_given_is_looked_through_only_where_a_task_may_be_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What comes from another task is found, also in a list."""
    looked: list[Any] = []
    for module, name in ((engine_tools, engine.COLLECT), (task_engine, engine.VISIT)):
        real = vars(module)[name]

        def counted(given: Any, *args: Any, real: Any = real, **more: Any) -> Any:
            looked.append(given)
            return real(given, *args, **more)

        monkeypatch.setattr(module, name, counted)
    ref = RolloutRef(namespace="test", name="shop")
    state = Completed(data=7, state_details=StateDetails(task_run_id=uuid4()))
    with vars(engine)["_plain"]():
        collect, visit = vars(engine_tools)[engine.COLLECT], vars(task_engine)[engine.VISIT]
        assert collect(ref) == set()
        assert visit(ref, visit_fn=str, return_data=True) is ref
        assert looked == []
        assert {found.id for found in collect([state])} == {state.state_details.task_run_id}
        assert visit([1], visit_fn=lambda one: one + 1 if one == 1 else one, return_data=True) == [2]
    assert looked == [[state], [1]]


def test_prefect_still_looks_by_these_names() -> None:
    """They would otherwise be replaced in vain."""
    assert "ValidatedFunction(" in inspect.getsource(Flow.validate_parameters)
    assert "import (\n            collect_task_run_inputs_sync," in inspect.getsource(Task.create_local_run)
    assert "visit_collection(" in inspect.getsource(BaseTaskRunEngine._resolve_parameters)
