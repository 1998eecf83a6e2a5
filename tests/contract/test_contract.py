"""What the published schemas say is what the server does, whatever it is asked."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema import Draft7Validator

FOLDER = Path(__file__).parents[2] / "schemas/draft-07"
SCHEMAS = {file.stem: json.loads(file.read_text())["definitions"] for file in sorted(FOLDER.glob("*.json"))}
# It would end the session's own login.
OPERATIONS = [name for name in SCHEMAS if name != "authenticate"]
STREAMS = [name for name in OPERATIONS if "update" in SCHEMAS[name]]
LENIENT = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session")
def described(wire):
    operations = wire.ask("describe", {"all": True})["result"]["operations"]
    return {operation["name"]: operation for operation in operations}


def end_streams(wire):
    assert wire.ask("unsubscribe_all", {})["success"]


def check(reply, name, described):
    """A result of the schema, or an error that the operation is documented to answer with."""
    if not reply["success"]:
        assert reply["error_code"] in described[name]["errors"], reply
        assert reply["error_code"] != "INTERNAL_ERROR", reply
    elif name not in STREAMS:
        Draft7Validator(SCHEMAS[name]["result"]).validate(reply["result"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_are_answered(wire, described, name):
    for example in described[name]["examples"]:
        Draft7Validator(SCHEMAS[name]["params"]).validate(example)
        check(wire.ask(name, example), name, described)
        if name in STREAMS:
            end_streams(wire)


@pytest.mark.parametrize("name", OPERATIONS)
def test_valid_params_are_answered_as_the_schemas_say(wire, described, name):
    @LENIENT
    @given(from_schema(SCHEMAS[name]["params"]))
    def ask(params):
        reply = wire.ask(name, params)
        check(reply, name, described)
        # What the schema admits may still be refused for what a schema cannot say, but never as a whole kind.
        if reply["success"] and name in STREAMS:
            end_streams(wire)

    ask()


@pytest.mark.parametrize("name", OPERATIONS)
def test_params_that_break_the_schema_are_refused(wire, name):
    validator = Draft7Validator(SCHEMAS[name]["params"])
    names = list(SCHEMAS[name]["params"].get("properties", {})) + ["no such param"]
    values = st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )

    @LENIENT
    @given(st.dictionaries(st.sampled_from(names), values, max_size=4).filter(lambda it: not validator.is_valid(it)))
    def ask(params):
        reply = wire.ask(name, params)
        assert not reply["success"], (params, reply)
        assert reply["error_code"] == "INVALID_PARAMS", (params, reply)
        assert reply["details"], reply

    ask()


# Text that is no request: anything, half a request, requests with members of the wrong kind.
garbage = (
    st.text()
    | st.text().map(lambda text: json.dumps({"operation": "ping"})[: min(len(text), 20)])
    | st.dictionaries(st.text(), st.integers() | st.text() | st.none()).map(json.dumps)
    | st.lists(st.integers() | st.text()).map(json.dumps)
    | st.fixed_dictionaries({"operation": st.integers() | st.lists(st.text()), "params": st.text()}).map(json.dumps)
)


@settings(LENIENT, max_examples=300)
@given(garbage)
def test_garbage_neither_hangs_nor_kills_the_connection(wire, frame):
    wire.send(frame)
    wire.send(json.dumps({"request_id": "after", "operation": "ping"}))
    # They come as they are ready.
    replies = [wire.receive(), wire.receive()]
    after = [reply for reply in replies if isinstance(reply, dict) and reply.get("request_id") == "after"]
    assert len(after) == 1, replies
    assert after[0]["success"], replies
    # Whatever it was, it was answered, and by an error.
    replies.remove(after[0])
    for reply in replies[0] if isinstance(replies[0], list) else replies:
        assert reply["success"] is False, reply
        assert reply["error_code"] in ("MALFORMED_MESSAGE", "INVALID_OPERATION"), reply
