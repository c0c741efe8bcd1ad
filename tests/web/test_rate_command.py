import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlencode

import pytest

TODO = ("todo_add_feature", "```ts\nlet a = 1;\n```", {"passed": True, "done": 2})


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
