"""openai-harmony behind a pipe: a program of its own, since it finds its vocabulary by environment.

One JSON list on a line of stdin is a conversation; the answer is a line with its token ids.
"""

import json
import sys

import openai_harmony as harmony


def message(said):
    """Return the library's message of a description as the tests write it."""
    if said["role"] == "system":
        content = harmony.SystemContent.new()
        content.reasoning_effort = harmony.ReasoningEffort(said["effort"].title())
        content.conversation_start_date = said["date"]
        for name in said["builtin"]:
            content = getattr(content, f"with_{name}_tool")()
    elif said["role"] == "developer":
        content = harmony.DeveloperContent.new()
        if said["instructions"]:
            content = content.with_instructions(said["instructions"])
        if said["tools"]:
            tools = [harmony.ToolDescription.new(*tool) for tool in said["tools"]]
            content = content.with_function_tools(tools)
    else:
        content = said["text"]
    author = harmony.Author(role=harmony.Role(said["role"]), name=said.get("name"))
    out = harmony.Message.from_author_and_content(author, content)
    out.channel = said.get("channel")
    out.recipient = said.get("recipient")
    out.content_type = said.get("content_type")
    return out


def main():
    encoding = harmony.load_harmony_encoding(harmony.HarmonyEncodingName.HARMONY_GPT_OSS)
    for line in sys.stdin:
        asked = json.loads(line)
        ids = encoding.render_conversation_for_completion(
            harmony.Conversation.from_messages([message(said) for said in asked["messages"]]),
            harmony.Role.ASSISTANT,
            harmony.RenderConversationConfig(auto_drop_analysis=asked["drop"]),
        )
        sys.stdout.write(json.dumps(ids) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
