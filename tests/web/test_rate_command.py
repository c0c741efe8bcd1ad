import re
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from importlib.resources import files
from urllib.parse import urlencode

import pytest

from ossay.core.rating import current

TODO = ("todo_add_feature", "```ts\nlet a = 1;\n```", {"passed": True, "done": 2})
PLAIN = (*TODO[:2], {"characters": 900, "whole_files": 0})  # the machine finds its base


@pytest.fixture(scope="module")
def served(filled, rating):
    answers = [TODO, ("clean_markdown", "x", {"passed": True}, "screenshot"), TODO, TODO]
    return rating(filled(answers))


class Client:
    """A browser's part of HTTP: cookies, and an Origin on posts."""

    def __init__(self, rate):
        self._rate = rate
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.get(rate.link.removeprefix(rate.url))

    def get(self, path):
        with self._opener.open(self._rate.url + path) as answer:
            return answer.geturl().removeprefix(self._rate.url), answer.read().decode()

    def post(self, path, fields, **headers):
        asked = urllib.request.Request(
            self._rate.url + path,
            urlencode(fields, doseq=True).encode(),
            {"Origin": self._rate.url, **headers},
        )
        with self._opener.open(asked) as answer:
            return answer.geturl().removeprefix(self._rate.url), answer.read().decode()


@pytest.fixture
def client(served):
    return Client(served)


def status(call, *args, **kwargs):
    with pytest.raises(urllib.error.HTTPError) as caught:
        call(*args, **kwargs)
    with caught.value as error:
        return error.code, error.read().decode()


def test_only_who_has_the_link_sees_anything(served):
    for path in ("/", "/rate/ada", "/rate.js", "/?key=guess"):
        with pytest.raises(urllib.error.HTTPError, match="403") as caught:
            urllib.request.urlopen(served.url + path)
        caught.value.close()


def test_a_post_from_elsewhere_is_refused(served, client):
    before = served.rows()
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        assert status(client.post, "/rate/ada/undo", {"rating": "x"}, **headers)[0] == 403
    assert served.rows() == before


def test_pages_forbid_scripts_and_frames_of_others(served, client):
    asked = client._opener.open(served.url + "/rate/ada")
    with asked:
        policy = asked.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_no_page_names_a_model(served, client):
    pages = [client.get("/")[1], client.get("/rate/ada/queue")[1]]
    pages += [client.get(f"/rate/ada/r-0000{n}")[1] for n in range(4)]
    pages.append(client.get("/rate/ada/compare/r-00002")[1])
    assert not any("lab/" in page for page in pages)


def test_names_are_shown_where_that_is_asked_for(filled, rating):
    rate = rating(filled([TODO, TODO]), "--open")
    assert "lab/one" in Client(rate).get("/rate/ada/r-00000")[1]


def test_a_bad_form_is_shown_again_and_nothing_is_kept(served, client):
    before = served.rows()
    token = "0" * 32
    fields = {"0.run": "r-00000", "0.token": token, "0.item": ["no_such"], "0.notes": "mine <b>"}
    code, page = status(client.post, "/rate/ada/r-00000", fields)
    assert code == 400
    assert "no item &#39;no_such&#39;" in page
    assert "mine &lt;b&gt;" in page
    for path, body in (
        ("/rate/ada/r-00000", {"0.token": "no"}),
        ("/rate/ada/r-99999", fields),
        ("/rate/%3Cscript%3E/r-00000", fields),
        ("/preview", {f"{n}.x": "" for n in range(2_000)}),
    ):
        assert status(client.post, path, body)[0] in (400, 404)
    assert served.rows() == before


def test_a_screenshot_is_a_picture_and_a_text_a_file(client, served):
    with client._opener.open(served.url + "/screenshot/r-00001.png") as answer:
        assert answer.headers["content-type"] == "image/png"
    with client._opener.open(served.url + "/text/r-00000") as answer:
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.read() == b"```ts\nlet a = 1;\n```"
    assert status(client.get, "/screenshot/r-00000.png")[0] == 404


def form_of(page, **changes):
    """The fields that a page would send, as it stands."""
    hidden = dict(re.findall(r'type="hidden" name="(\d\.\w+)" value="([^"]*)"', page))
    return {**hidden, **changes}


def test_a_form_that_came_back_with_another_choice_is_an_edit(filled, rating):
    rate = rating(filled([PLAIN, PLAIN]))
    client = Client(rate)
    place = "/rate/ada/r-00000"
    fields = form_of(client.get(place)[1])
    for notes in ("one", "one", "two"):  # 'back' shows the same form, with its token
        client.post(place, {**fields, "0.notes": notes})
    rows = rate.rows()
    assert [row.notes for row in rows] == ["one", "two"]
    assert [row.notes for row in current(rows)] == ["two"]
    code, page = status(client.post, place, {**fields, "0.notes": "one"})  # the first once more
    assert (code, len(rate.rows())) == (400, 2)
    assert "taken back or changed since" in page
    client.post(place, form_of(page, **{"0.notes": "one"}))  # as that page has it
    assert [row.notes for row in current(rate.rows())] == ["one"]


def test_a_form_that_was_undone_is_not_silently_dropped(filled, rating):
    rate = rating(filled([PLAIN, PLAIN]))
    client = Client(rate)
    place = "/rate/ada/r-00000"
    fields = form_of(client.get(place)[1])
    client.post(place, fields)
    (row,) = rate.rows()
    assert client.post("/rate/ada/undo", {"rating": row.id})[0] == place
    code, page = status(client.post, place, fields)
    assert code == 400
    assert "Send it again" in page
    client.post(place, form_of(page))
    assert len(current(rate.rows())) == 1


def test_every_one_of_many_models_can_be_rated_side_by_side(filled, rating):
    models = tuple(f"lab/m{n}" for n in range(6))
    rate = rating(filled([PLAIN] * 12, models=models))
    client = Client(rate)
    place, page = client.get("/rate/ada?beside=")
    for _ in range(4):
        assert page.count('class="rubric"') == 3  # six in groups that are even
        place, page = client.post(place, form_of(page))
    assert "All rated" in page
    assert len(current(rate.rows())) == len(rate.rows()) == 12


def own(folder, *pairs, more=""):
    """A folder with a rubric of one's own for the task."""
    shipped = files("ossay.suites.coding") / "rubrics" / "todo_add_feature.toml"
    text = shipped.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "own.toml").write_text(text + more, encoding="utf-8")
    return str(folder)


def rate_all(rate, name, count):
    client = Client(rate)
    place, page = client.get(f"/rate/{name}")
    for _ in range(count):
        place, page = client.post(place, form_of(page))
    assert "All rated" in page
    return client


def test_what_cannot_be_scored_anew_is_marked_and_asked_again(filled, rating, tmp_path):
    path = filled([PLAIN, PLAIN])
    rate = rating(path)
    rate_all(rate, "ada", 2)
    rate.stop()
    question = '\n[[penalty]]\nid = "rude"\ntext = "Rude."\npoints = -1\n'
    folder = own(tmp_path, ('version = "1"', 'version = "2"'), more=question)
    rate = rating(path, "--rubrics", folder)
    client = Client(rate)
    queue = client.get("/rate/ada/queue")[1]
    assert "0 of 2 rated" in queue
    assert queue.count("by version 1; cannot be compared: &#39;rude&#39; was not asked then") == 2
    assert "cannot be compared" in client.get("/rate/ada/r-00000")[1]
    assert "2 ratings were made by an older version, left out" in client.get("/agreement")[1]
    rate_all(rate, "ada", 2)
    assert "by version 1" not in client.get("/rate/ada/queue")[1]
    assert [row.rubric_version for row in current(rate.rows())] == ["2", "2"]


def test_another_rubric_begins_anew(filled, rating, tmp_path):
    path = filled([PLAIN, PLAIN])
    rate = rating(path)
    rate_all(rate, "ada", 2)
    rate.stop()
    rate = rating(path, "--rubrics", own(tmp_path, ('name = "todo_add_feature"', 'name = "mine"')))
    rate_all(rate, "ada", 2)
    assert [row.rubric for row in current(rate.rows())] == ["todo_add_feature"] * 2 + ["mine"] * 2


@pytest.mark.parametrize("path", ["page=" + "9" * 5_000, "page=-1", "page=x", "page=%D9%A3"])
def test_a_page_of_the_queue_that_is_not_there_is_the_nearest(client, path):
    assert "Queue of ada" in client.get(f"/rate/ada/queue?{path}")[1]


@pytest.mark.parametrize(
    "path",
    ["/rate/ada/..%2f..%2fetc%2fpasswd", "/text/..%2fx", "/screenshot/%00.png", "/text/%ff",
     "/rate/ada/compare/x", "/rate/%E2%80%AEada/queue", "/rate/..%2fada/queue",
     "/rate/%E3%85%A4/queue"],
)  # fmt: skip
def test_what_is_no_run_and_no_rater_is_not_found(client, path):
    assert status(client.get, path)[0] in (400, 404)


def test_a_cookie_of_another_study_opens_nothing(served, filled, rating):
    other = Client(rating(filled([PLAIN, PLAIN])))  # its folder, so its secret, is its own
    cookie = other._opener.handlers
    jar = next(one.cookiejar for one in cookie if hasattr(one, "cookiejar"))
    said = "; ".join(f"{one.name}={one.value}" for one in jar)
    assert said.startswith("ossay_")
    asked = urllib.request.Request(served.url + "/", headers={"Cookie": said})
    assert status(urllib.request.urlopen, asked)[0] == 403
