from ossay.campaign.hiding import hiding


def test_values_of_secret_variables_are_hidden():
    hide = hiding(
        {
            "GROQ_API_KEY": "gsk-0123456789",
            "LONG_TOKEN": "gsk-0123456789-and-more",
            "PATH": "/usr/local/bin",
            "EMPTY_KEY": "",
            "SHORT_KEY": "abc",
        }
    )
    text = "gsk-0123456789-and-more, gsk-0123456789 in /usr/local/bin abc"
    assert hide(text) == "[hidden], [hidden] in /usr/local/bin abc"
