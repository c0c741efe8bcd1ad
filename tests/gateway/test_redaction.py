"""What is found in texts, kept out of the log, kept from models, and put back."""

import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ossay.core.decision import Audit, Decision, canonical, digest
from ossay.core.errors import ConfigError, ModelCallError, UnknownName
from ossay.core.types import (
    Delta,
    Message,
    Reply,
    Request,
    Sampling,
    Timing,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from ossay.gateway.hidden import MOST_CHARS, Hidden, Restorer
from ossay.gateway.hiding import Hiding
from ossay.gateway.house import Lane
from ossay.gateway.redacted import Redacted
from ossay.gateway.redaction import KINDS, Redaction
from ossay.models.endpoint import Endpoint
from ossay.models.instant_upstream import InstantUpstream
from ossay.models.mock_upstream import MockUpstream
from ossay.models.providers import Provider
from ossay.router.detectors import detector
from ossay.router.verdict import Verdict
from ossay.router.work import Caller

ALL = Redaction(KINDS)
SECRETS = {
    "email": ("me@example.com", "a.b+c@mail.example.co.uk", "jörg@müller.de"),
    "phone": ("+49 (0)30 1234567", "0049 30 1234567", "(212) 555-0199", "030/1234567"),
    "card": ("4111 1111 1111 1111", "5500-0055-5555-5559", "378282246310005"),
    "iban": ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "de89370400440532013000"),
    "key": (
        "sk-abcdefghijklmnopqrstuvwx",
        "AKIAABCDEFGHIJKLMNOP",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "gsk_abcdefghijklmnopqrstuvwx",
        "hf_abcdefghijklmnopqrstuvwx",
        "npm_abcdefghijklmnopqrstuvwx",
        "sk_live_abcdefghijklmnopqrstuvwx",
        "xoxb-1234567890-abcdefghijkl",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3V\n-----END RSA PRIVATE KEY-----",
    ),
}
EACH = [(kind, text) for kind, texts in SECRETS.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), EACH)
def test_each_kind_is_found_by_its_own_pattern_and_whole(kind, text):
    assert Redaction([kind]).redact(f"it is {text}, they said") == f"it is [{kind}], they said"


@pytest.mark.parametrize(("kind", "text"), EACH)
def test_in_json_that_lies_in_a_text_the_json_stays_json(kind, text):
    said = json.dumps({"to": f"write:\n{text}\nor not"}, ensure_ascii=False)
    assert json.loads(ALL.redact(said)) == {"to": f"write:\n[{kind}]\nor not"}


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112 of 2026-11-21, 12:30",  # no check digit
        "DE88 3704 1144 1532 1130 99 and 3.14159 and 192.168.10.254",
        "the @property and a@b and user@localhost",
        "sk-short, eyJ.eyJ., version 1.2.3-4567",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text):
    assert ALL.redact(text) == text


def test_a_card_is_found_behind_other_numbers():
    said = "order 1234 4111 1111 1111 1111 of today"
    assert Redaction(["card"]).redact(said) == "order 1234 [card] of today"


def test_own_patterns_have_digits_and_letters_and_no_other_signs():
    own = Redaction(["text:KD-####-??", "text:Müller (privat)"])
    assert own.redact("kd-1234-ab, KD-12345-ab, Frau Müller (privat).*") == (
        "[text], KD-12345-ab, Frau [text].*"
    )
    for wrong in ("text:", "text:   ", 'text:"', "text:a\nb", "text:\\d+", "text:" + "x" * 201):
        with pytest.raises(ConfigError, match="redact ="):
            Redaction([wrong])
    with pytest.raises(UnknownName, match="did you mean 'email'"):
        Redaction(["emial"])


HARD = ["a", "1", "1111 ", "1234 123456 ", "@", "a@b.", "@a.b.c.", "DE12 ", "de11aaaa ", "-", "0",
        "0123 999999999 ", "001 ", "+1", "-----BEGIN PRIVATE KEY-----", "eyJaaaaaaaaa-", "sk-",
        "\\", "\\n", "a@b.co ", "-----BEGIN " + " " * 40, "(", "1 1"]  # fmt: skip


@pytest.mark.parametrize("unit", HARD)
def test_texts_made_to_take_long_do_not(unit):
    """In proportion to their length: a pattern that went back and forth would not return today."""
    text = (unit * 40_000)[:40_000]
    spans = ALL.spans(text)
    assert all(before.end <= after.start for before, after in itertools.pairwise(spans))


texts = st.lists(
    st.one_of(
        st.sampled_from([text for _, text in EACH]),
        st.sampled_from(
            ["[EMAIL_1]", "[KEY_2", "[", "]", "EMAIL_1]", "[TEXT_99]", "\\n", '"', "\n"]
        ),
        st.text(max_size=12),
    ),
    max_size=8,
).map(" ".join)


@given(texts)
def test_spans_are_in_order_apart_and_cover_what_was_found(text):
    spans = ALL.spans(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(before.end <= after.start for before, after in itertools.pairwise(spans))
    assert ALL.redact(ALL.redact(text)) == ALL.redact(text)


def request_of(text, **more):
    return Request((Message("user", text),), **more)


@given(texts)
def test_what_was_hidden_is_put_back(text):
    hidden = Hidden(ALL, request_of(text))
    said = hidden.request.messages[0].content
    assert hidden.back(said) == text
    for span in ALL.spans(text):
        assert text[span.start : span.end] not in said


@given(texts, st.lists(st.integers(1, 9), min_size=1))
def test_it_is_put_back_in_a_stream_however_it_is_cut(text, cuts):
    hidden = Hidden(ALL, request_of(text))
    said, restorer, pieces = hidden.request.messages[0].content, Restorer(hidden), []
    for size in cuts * (len(said) // sum(cuts) + 1):
        piece, said = said[:size], said[size:]
        pieces += restorer.delta(Delta(piece, piece)) if piece else []
    whole = Message("assistant", hidden.request.messages[0].content)
    *rest, last = restorer.delta(Delta(reply=reply_of(whole)))
    pieces += rest
    assert "".join(piece.content for piece in pieces) == text
    assert "".join(piece.reasoning for piece in pieces) == text
    assert last.reply.message.content == text


def reply_of(message):
    return Reply(message, Usage(), Timing(0.0, 0.0))


@given(texts, st.integers(1, 20))
def test_it_is_put_back_in_the_arguments_of_a_call_which_stay_json(text, size):
    asked = request_of(text)
    hidden = Hidden(ALL, asked)
    arguments = json.dumps({"to": hidden.request.messages[0].content})
    restorer, got = Restorer(hidden), ""
    for start in range(0, len(arguments), size):
        piece = ToolCallDelta(0, "c1" if not start else "", "send", arguments[start : start + size])
        for delta in restorer.delta(Delta(tool_call=piece)):
            got += delta.tool_call.arguments
    whole = Message("assistant", tool_calls=(ToolCall("c1", "send", arguments),))
    for delta in restorer.delta(Delta(reply=reply_of(whole))):
        got += delta.tool_call.arguments if delta.tool_call else ""
    assert json.loads(got) == {"to": text}
    assert json.loads(hidden.message(whole).tool_calls[0].arguments) == {"to": text}


def test_one_text_has_one_placeholder_everywhere_and_none_that_was_there_before():
    call = ToolCall("1", "send", '{"to": "me@example.com"}')
    asked = Request(
        (
            Message("system", "Write to me@example.com or [EMAIL_7]."),
            Message("assistant", tool_calls=(call,)),
            Message("tool", "sent to me@example.com, you@example.com", tool_call_id="1"),
        ),
        tools=(Tool("send", "to me@example.com", {"enum": ["me@example.com"], "type": "string"}),),
    )
    hidden = Hidden(ALL, asked)
    assert hidden.request.messages[0].content == "Write to [EMAIL_8] or [EMAIL_7]."
    assert hidden.request.messages[1].tool_calls[0].arguments == '{"to": "[EMAIL_8]"}'
    assert hidden.request.messages[2].content == "sent to [EMAIL_8], [EMAIL_9]"
    assert hidden.request.tools[0].parameters == {"enum": ["[EMAIL_8]"], "type": "string"}
    assert b"example.com" not in canonical(hidden.request)
    assert hidden.back("[EMAIL_7] [EMAIL_8] [email_8] [EMAIL_99]") == (
        "[EMAIL_7] me@example.com [email_8] [EMAIL_99]"
    )


def test_ids_stop_strings_and_a_schema_s_name_are_hidden_too():
    call = ToolCall("me@example.com", "send", "{}")
    asked = Request(
        (
            Message("user", "Write to me@example.com"),
            Message("assistant", tool_calls=(call,)),
            Message("tool", "sent", tool_call_id="me@example.com"),
        ),
        sampling=Sampling(stop=("to me@example.com", "4111 1111 1111 1111", "[EMAIL_7]")),
        response_schema={"const": "[CARD_8]"},
        response_name="of me@example.com",
    )
    hidden = Hidden(ALL, asked)
    _, called, result = hidden.request.messages
    assert called.tool_calls[0].id == result.tool_call_id == "[EMAIL_9]"
    assert hidden.request.sampling.stop == ("to [EMAIL_9]", "[CARD_10]", "[EMAIL_7]")
    assert hidden.request.response_name == "of [EMAIL_9]"
    assert b"example.com" not in canonical(hidden.request)
    assert b"4111" not in canonical(hidden.request)


def test_an_id_that_comes_back_is_the_client_s_own():
    """An answer may take up a call of the history; its id is the same in pieces and whole."""
    asked = Request((Message("tool", "sent", tool_call_id="me@example.com"),))
    hidden = Hidden(ALL, asked)
    made = Message("assistant", tool_calls=(ToolCall("[EMAIL_1]", "send", "{}"),))
    assert hidden.message(made).tool_calls[0].id == "me@example.com"
    piece = Delta(tool_call=ToolCallDelta(0, "[EMAIL_1]", "send", "{}"))
    (given,) = Restorer(hidden).delta(piece)
    assert given.tool_call.id == "me@example.com"


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_goes_up_hidden_and_the_answer_is_put_back(house, stream):
    """The model writes placeholders, so it is one that has to stop it."""
    cheap = house.Faulty(name="cheap", message=Message("assistant", "I wrote to [EMAIL_1] and "))
    lane = Lane("support", Hiding(house.lane(cheap=cheap).router, ALL))

    async def ask():
        async with house.gateway(lane) as client:
            stop = ["4111 1111 1111 1111"]
            return await client.chat("I am me@example.com", stop=stop, stream=stream)

    assert house.run(ask()).text == "I wrote to me@example.com and "
    assert [one.sampling.stop for one in cheap.asked] == [("[CARD_2]",)]


def test_more_than_it_looks_at_is_refused():
    with pytest.raises(ModelCallError, match="looks at 1,048,576 characters") as caught:
        Hidden(ALL, request_of("a" * (MOST_CHARS + 1)))
    assert (caught.value.kind, caught.value.status) == ("refused", 413)


def test_upstream_and_log_see_placeholders_and_the_client_sees_its_own_words(house):
    echo = Message("assistant", "I wrote to [EMAIL_1] and \\[CARD_2].")
    cheap, notes = house.Faulty(name="cheap", message=echo), house.Notes()
    route = house.Route("support", keep_days=1.0)
    made = house.lane(route, cheap, log=notes)
    lane = Lane("support", Hiding(made.router, ALL))

    async def ask(**fields):
        async with house.gateway(lane) as client:
            return await client.chat("me@example.com paid with 4111 1111 1111 1111", **fields)

    for fields in ({}, {"stream": True}):
        answer = house.run(ask(**fields))
        assert answer.status == 200
        assert answer.text == "I wrote to me@example.com and \\4111 1111 1111 1111."
    assert [one.messages[0].content for one in cheap.asked] == ["[EMAIL_1] paid with [CARD_2]"] * 2
    kept = b"".join(notes.bodies.values())
    assert b"[EMAIL_1]" in kept
    assert b"example.com" not in kept
    assert b"4111" not in kept


@pytest.mark.parametrize("hides", [False, True])
def test_bytes_do_not_pass_as_they_are_where_something_is_hidden(house, hides):
    """A model over HTTP gets a plain cheap request as the client wrote it, but not here."""

    async def ask():
        async with MockUpstream(("ok",)) as upstream:
            cheap = Endpoint("mock/m", Provider(upstream.base_url), None)
            made = house.lane(cheap=cheap, embeddings=house.upstream(cheap))
            lane = replace(made, router=Hiding(made.router, ALL)) if hides else made
            async with house.gateway(lane) as client:
                said = {"role": "user", "content": "Hello? It is me@example.com."}
                chat = await client.chat(messages=[said])
            await cheap.aclose()
            return chat, b"".join(upstream.bodies)

    answer, sent = house.run(ask())
    assert answer.status == 200
    assert b"Hello?" in sent
    assert (b"example.com" in sent) is not hides
    assert (b'"stream":true' in sent) is hides  # the way through pieces streams, whoever asks


def test_embeddings_go_up_without_it(house):
    async def ask():
        async with InstantUpstream() as upstream:
            model = Endpoint("lab/e", Provider(upstream.base_url), None)
            log = house.Notes()
            made = house.lane(log=log, embeddings=house.upstream(model))
            lane = replace(made, router=Hiding(made.router, ALL))
            body = {"model": "support", "input": "me@example.com"}
            async with house.gateway(lane) as client:
                answer = await client.ask("/v1/embeddings", body)
            await model.aclose()
            return answer, log

    answer, log = house.run(ask())
    assert answer.status == 200
    expected = canonical({"input": "[email]", "model": "support"})
    assert log.decisions[0].request_hash == digest(expected)


def test_hiding_does_not_lower_criticality(house):
    notes = house.Notes()
    made = house.lane(log=notes, detectors=(detector("security"),))
    lane = Lane("support", Hiding(made.router, Redaction(["key"])))
    secret = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"

    async def ask():
        async with house.gateway(lane) as client:
            return await client.chat(f"what is {secret} worth?")

    assert house.run(ask()).status == 200
    (decision,) = notes.decisions
    assert (decision.criticality, decision.plan) == ("high", "validate")


def decision_of(bodies, **more):
    names = dict(zip(("request_hash", "draft_hash", "verdict_hash", "answer_hash"), bodies,
                     strict=False))  # fmt: skip
    return Decision(
        id="d", at=1.0, route="r", criticality="low", declared="low", declared_by="route",
        plan="cheap", plan_why="", ending="draft", **names, **more,
    )  # fmt: skip


def test_the_log_keeps_redacted_bodies_under_their_own_hashes(house):
    notes = house.Notes()
    log = Redacted(notes, ALL)
    request = canonical(request_of("me@example.com\nsk-abcdefghijklmnopqrst, [EMAIL_1]"))
    answer = canonical(Message("assistant", "call +49 30 1234567"))
    malformed = b'no verdict: "me@example.com"'
    names = [digest(body) for body in (request, answer, malformed, answer)]
    bodies = dict(zip(names, (request, answer, malformed, answer), strict=True))
    decision = decision_of(names, audited=True, kept_until=9.0)
    audit = Audit("a", "d", 2.0, 0.5, True, names[3], verdict_hash=names[2])

    async def write():
        await log.append(decision, bodies, durable=True)
        await log.append(audit, {names[2]: malformed}, durable=False)

    house.run(write())
    kept, audited = notes.entries
    assert all(name == digest(body) for name, body in notes.bodies.items())
    assert json.loads(notes.bodies[kept.request_hash])["messages"][0]["content"] == (
        "[email]\n[key], [EMAIL_1]"
    )
    assert json.loads(notes.bodies[kept.answer_hash])["content"] == "call [phone]"
    assert notes.bodies[kept.verdict_hash] == b'no verdict: "[email]"'
    assert kept.draft_hash == kept.answer_hash == audited.answer_hash
    assert audited.verdict_hash == kept.verdict_hash
    assert replace(kept, **{name: getattr(decision, name) for name in kept.__struct_fields__
                            if name.endswith("_hash")}) == decision  # fmt: skip


def test_without_bodies_a_row_is_as_it_was(house):
    notes, decision = house.Notes(), decision_of(["1", "2", "", "2"])
    house.run(Redacted(notes, ALL).append(decision, {}, durable=False))
    assert notes.entries == [decision]


def test_a_body_too_long_to_be_looked_at_is_not_kept(house):
    notes = house.Notes()
    body = canonical("x" * MOST_CHARS)
    bodies, decision = {digest(body): body}, decision_of([digest(body)])
    house.run(Redacted(notes, ALL).append(decision, bodies, durable=False))
    (kept,) = notes.bodies.values()
    assert kept == b'"[1048578 bytes, too long to be redacted]"'
    assert notes.entries[0].request_hash == digest(kept)


def test_random_bytes_are_redacted_as_text(house):
    rng, notes = random.Random(1), house.Notes()
    for _ in range(50):
        body = rng.randbytes(40) + b" me@example.com " + rng.randbytes(5)
        decision = decision_of([digest(body)])
        house.run(Redacted(notes, ALL).append(decision, {digest(body): body}, durable=False))
    assert not any(b"example.com" in body for body in notes.bodies.values())


def test_a_client_that_leaves_breaks_off_what_hides(house):
    cheap, notes = house.Faulty(["endless"], name="cheap"), house.Notes()
    hiding = Hiding(house.lane(cheap=cheap, log=notes).router, ALL)

    async def leave():
        stream = hiding.ask(request_of("me@example.com"), Caller()).stream()
        await anext(stream)
        await stream.aclose()

    house.run(leave())
    assert (cheap.left, cheap.alive) == (1, 0)
    assert [one.ending for one in notes.decisions] == ["left"]


def test_a_route_check_sees_the_words_of_the_client(house):
    seen = []

    async def check(request, draft):
        seen.append((request.messages[0].content, draft.content))
        return Verdict("approve", 1.0, "fine")

    draft = Message("assistant", "Gladly, [EMAIL_1].")
    route = house.Route("support", criticality="medium")
    made = house.lane(route, house.Faulty(name="cheap", message=draft), check=check)
    lane = Lane("support", Hiding(made.router, ALL))

    async def ask():
        async with house.gateway(lane) as client:
            return await client.chat("I am me@example.com")

    assert house.run(ask()).status == 200
    assert seen == [("I am me@example.com", "Gladly, me@example.com.")]


def test_embeddings_go_up_without_it_and_the_same_text_stays_the_same():
    body = b'{"model": "m", "input": ["me@example.com", "x"], "user": "you@example.com"}'
    hiding = Hiding(None, ALL)
    assert json.loads(hiding.without(body)) == {
        "model": "m", "input": ["[email]", "x"], "user": "[email]",
    }  # fmt: skip
    with pytest.raises(ModelCallError, match="send less"):
        hiding.without(b"x" * (MOST_CHARS + 1))
