"""Whether a failure of Redis is the server's or one call's, as redis-py tells it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from redis import exceptions
from redis._parsers.base import BaseParser

from service.redis_replies import concerns_server, reply_code, still_reads

NEW = " script: f_1, on @user_script:29."
OLD = "ERR Error running script (call to f_1): @user_script:29: @user_script: 29: -"
RAISED = "ERR user_script:20: READONLY You can't write against a read only replica."
SERVER = {
    "READONLY You can't write against a read only replica.": "READONLY",
    "LOADING Redis is loading the dataset in memory": "BusyLoadingError",
    "MASTERDOWN Link with MASTER is down": "MASTERDOWN",
    "NOREPLICAS Not enough good replicas to write.": "NOREPLICAS",
    "MISCONF Redis is configured to save RDB snapshots": "MISCONF",
    "OOM command not allowed when used memory > 'maxmemory'.": "OOM",
    "CLUSTERDOWN Hash slot not served": "CLUSTERDOWN",
    "MOVED 3999 127.0.0.1:6381": "MOVED",
    "ASK 3999 127.0.0.1:6381": "ASK",
    "TRYAGAIN Multiple keys request during rehashing of slot": "TRYAGAIN",
    "UNBLOCKED force unblock from blocking operation": "UNBLOCKED",
    "BUSY Redis is busy running a script.": "BUSY",
    "NOPERM this user has no permissions to run the 'evalsha' command": "NOPERM",
    "NOAUTH Authentication required.": "AuthenticationError",
    "ERR unknown command 'EVALSHA', with args beginning with:": "ERR",
    "ERR upstream failure": "ERR",
    "upstream failure": "ERR",
    "NOMASTER nobody leads": "NOMASTER",
    f"READONLY You can't write against a read only replica.{NEW}": "READONLY",
    f"NOREPLICAS Not enough good replicas to write.{NEW}": "NOREPLICAS",
    f"OOM command not allowed when used memory > 'maxmemory'.{NEW}": "OOM",
    f"{OLD}READONLY You can't write against a read only replica.": "READONLY",
    f"{OLD}NOREPLICAS Not enough good replicas to write.": "NOREPLICAS",
    f"{OLD}OOM command not allowed when used memory > 'maxmemory'.": "OOM",
    f"{RAISED}{NEW}": "READONLY",
    f"ERR The user executing the script can't run this command or subcommand{NEW}": "NOPERM",
}
CALL = {
    "WRONGTYPE Operation against a key holding the wrong kind of value": "WRONGTYPE",
    f"WRONGTYPE Operation against a key holding the wrong kind of value{NEW}": "WRONGTYPE",
    f"{OLD}WRONGTYPE Operation against a key holding the wrong kind of value": "ERR",
    "NOSCRIPT No matching script. Please use EVAL.": "NOSCRIPT",
    "ERR value is not an integer or out of range": "ERR",
    "ERR increment or decrement would overflow": "ERR",
    "ERR hash value is not an integer": "ERR",
    f"ERR user_script:7: attempt to index a nil value{NEW}": "ERR",
    f"ERR Wrong number of args calling Redis command from script{NEW}": "ERR",
}


def parsed(reply: str) -> exceptions.RedisError:
    return cast("Any", BaseParser).parse_error(reply)


@pytest.mark.parametrize("reply", SERVER)
def test_a_refusal_of_the_server_is_known(reply: str) -> None:
    error = parsed(reply)
    assert concerns_server(error)
    assert reply_code(error) == SERVER[reply]


@pytest.mark.parametrize("reply", CALL)
def test_a_call_that_is_wrong_itself_is_known(reply: str) -> None:
    error = parsed(reply)
    assert not concerns_server(error)
    assert reply_code(error) == CALL[reply]
    assert not still_reads(error)


@pytest.mark.parametrize("reply", [*SERVER, *CALL])
def test_what_a_command_of_a_pipeline_holds_changes_nothing(reply: str) -> None:
    """redis-py puts the command before the reply, and callers choose what is in it."""
    error, annotated = parsed(reply), parsed(reply)
    named = "GET gaugeway:budget:READONLY @user_script: 1: -OOM of pipeline caused error: ('OOM x'"
    annotated.args = (f"Command # 1 ({named}) of pipeline caused error: {error.args}",)
    assert concerns_server(annotated) == concerns_server(error)
    assert reply_code(annotated) == reply_code(error)


def test_whoever_is_not_there_or_answers_nonsense_is_the_server() -> None:
    for error in (
        exceptions.ConnectionError("refused"),
        exceptions.TimeoutError("late"),
        exceptions.InvalidResponse("HTTP/1.1 502 Bad Gateway"),
        OSError("gone"),
    ):
        assert concerns_server(error)
        assert not still_reads(error)


def test_what_cannot_be_sent_is_the_call() -> None:
    assert not concerns_server(exceptions.DataError("of no type that can be sent"))
    assert not concerns_server(exceptions.MaxConnectionsError("Too many connections"))


def test_a_server_that_only_takes_no_writes_still_reads() -> None:
    reads = {reply_code(e) for r in SERVER if still_reads(e := parsed(r))}
    assert reads == {"READONLY", "NOREPLICAS", "MISCONF", "OOM"}
