"""What the demo asks: the seeds' three uses of a semantic cache, and questions that only look alike."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A question, the same one in other words, and one that reads alike but needs another answer."""

    area: str
    question: str
    paraphrase: str
    look_alike: str


TOPICS = (
    Topic(
        "Customer service",
        "How do I reset my account password?",
        "How can I reset the password of my account?",
        "How do I delete my account password?",
    ),
    Topic(
        "Customer service",
        "What is your return policy for damaged items?",
        "What is the return policy for items that are damaged?",
        "What is your return policy for unopened items?",
    ),
    Topic(
        "Customer service",
        "How do I turn on two-factor authentication?",
        "How can I turn on two-factor authentication?",
        "How do I turn off two-factor authentication?",
    ),
    Topic(
        "Code assistance",
        "How do I sort a list of dictionaries by a key in Python?",
        "How can I sort a list of dictionaries by key in Python?",
        "How do I sort a list of dictionaries by a key in JavaScript?",
    ),
    Topic(
        "Code assistance",
        "How do I convert a string to an integer in Python?",
        "How can I convert a string into an integer in Python?",
        "How do I convert an integer to a string in Python?",
    ),
    Topic(
        "Code assistance",
        "Why is my Rust code failing to compile with a borrow checker error?",
        "Why does my Rust code fail to compile with a borrow checker error?",
        "Why is my Rust code failing to link with a missing symbol error?",
    ),
    Topic(
        "Knowledge base",
        "What are the main renewable energy sources?",
        "Which are the main sources of renewable energy?",
        "What are the main non-renewable energy sources?",
    ),
    Topic(
        "Knowledge base",
        "How many vacation days do employees get after 2 years?",
        "How many days of vacation do employees get after 2 years?",
        "How many vacation days do employees get after 5 years?",
    ),
    Topic(
        "Knowledge base",
        "What does the GDPR require when personal data is leaked?",
        "What does the GDPR require if personal data is leaked?",
        "What does the HIPAA require when personal data is leaked?",
    ),
)
