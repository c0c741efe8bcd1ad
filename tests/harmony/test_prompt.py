"""The system message and the developer message, as the documentation shows them."""

import pytest

from ossay.core.errors import UsageError
from ossay.core.types import Tool
from ossay.harmony.prompt import developer_text, system_text

WEATHER = Tool(
    "get_current_weather",
    "Gets the current weather in the provided location.",
    {
        "type": "object",
        "properties": {
            "location": {
                "type": "string",
                "description": "The city and state, e.g. San Francisco, CA",
            },
            "format": {
                "type": "string",
                "enum": ["celsius", "fahrenheit"],
                "default": "celsius",
            },
        },
        "required": ["location"],
    },
)
LOCATION = Tool("get_location", "Gets the location of the user.", {"type": "object"})


def test_the_system_message():
    assert system_text(date="2025-06-28", effort="high", functions=True) == (
        "You are ChatGPT, a large language model trained by OpenAI.\n"
        "Knowledge cutoff: 2024-06\n"
        "Current date: 2025-06-28\n"
        "\n"
        "Reasoning: high\n"
        "\n"
        "# Valid channels: analysis, commentary, final. "
        "Channel must be included for every message.\n"
        "Calls to these tools must go to the commentary channel: 'functions'."
    )


def test_without_date_or_functions_nothing_is_said_of_them():
    text = system_text()
    assert "Current date" not in text
    assert "Reasoning: medium" in text
    assert text.endswith("Channel must be included for every message.")


def test_the_developer_message():
    assert developer_text("Use a friendly tone.", [LOCATION, WEATHER]) == (
        "# Instructions\n"
        "\n"
        "Use a friendly tone.\n"
        "\n"
        "# Tools\n"
        "\n"
        "## functions\n"
        "\n"
        "namespace functions {\n"
        "\n"
        "// Gets the location of the user.\n"
        "type get_location = () => any;\n"
        "\n"
        "// Gets the current weather in the provided location.\n"
        "type get_current_weather = (_: {\n"
        "// The city and state, e.g. San Francisco, CA\n"
        "location: string,\n"
        'format?: "celsius" | "fahrenheit", // default: celsius\n'
        "}) => any;\n"
        "\n"
        "} // namespace functions"
    )


def test_nothing_to_say_is_no_developer_message():
    assert developer_text() == ""


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("shopping_list", "## shopping_list\n\n"),
        ("", "## answer\n\n"),
        (" \n", "## answer\n\n"),
        ("a list\n\n# Tools", "## a list # Tools\n\n"),
    ],
)
def test_the_response_format_has_the_name_that_the_caller_gave_it(name, heading):
    schema = {"type": "object", "description": "What to buy.\nNo more.", "required": ["é"]}
    assert developer_text("I.", (), schema, name=name) == (
        "# Instructions\n\nI.\n\n# Response Formats\n\n"
        f"{heading}// What to buy.\n// No more.\n"
        '{"type":"object","description":"What to buy.\\nNo more.","required":["é"]}'
    )


def test_a_schema_that_is_no_json_is_refused():
    with pytest.raises(UsageError, match="send a plain one"):
        developer_text("", (), {"enum": [object()]})


def test_built_in_tools_are_in_the_system_message():
    text = system_text(with_browser=True, with_python=True)
    assert text.index("# Tools\n\n## browser\n\n// Tool for browsing.") < text.index(
        "} // namespace browser\n\n## python\n\nUse this tool to execute Python code"
    )
    assert "\n\n# Valid channels" in text
