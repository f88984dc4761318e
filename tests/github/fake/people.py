"""Accounts, teams and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count

from tests.github.fake.state import AppIdentity, Team, Token, User

ACTIONS = AppIdentity(id=15368, slug="github-actions")
WORKFLOW = {"contents": "read", "pull_requests": "write", "checks": "write", "actions": "read", "metadata": "read"}


class People:
    """Who there is, and what speaks for them."""

    def __init__(self) -> None:
        self._ids = count(1001)
        self.users: dict[str, User] = {}
        self.teams: dict[str, Team] = {}
        self.tokens: dict[str, Token] = {}
        self.actions_bot = self.user("github-actions[bot]", type="Bot", id=41898282)

    def user(self, login: str, *, type: str = "User", id: int | None = None) -> User:
        """The account of that name, made if there is none."""
        if login not in self.users:
            self.users[login] = User(id=id or next(self._ids), login=login, type=type)
        return self.users[login]

    def rename_user(self, old: str, new: str) -> User:
        """Give an account another login; its id stays."""
        self.users[new] = replace(self.users.pop(old), login=new)
        return self.users[new]

    def team(
        self, name: str, members: Iterable[str] = (), *, pending: Iterable[str] = (), secret: bool = False
    ) -> Team:
        """A team `org/slug`; a secret one is seen only by tokens that name it."""
        states = dict.fromkeys(members, "active") | dict.fromkeys(pending, "pending")
        self.teams[name] = Team(name=name, members=states, secret=secret)
        return self.teams[name]

    def token(
        self,
        token: str,
        login: str | None = None,
        *,
        permissions: Mapping[str, str] | None = None,
        app: AppIdentity | None = None,
        teams: Iterable[str] | None = None,
    ) -> str:
        """A token of a person (`login`, all permissions by default), of an app, or else of a workflow run.

        `permissions` are as in `X-Accepted-GitHub-Permissions`: {"pull_requests": "write"}; WORKFLOW by default for a
        workflow's. `teams`: the secret teams that it sees, all by default.
        """
        if login is None and app is None:
            app, permissions = ACTIONS, WORKFLOW if permissions is None else permissions
        user = self.user(login) if login else self.bot(app or ACTIONS)
        seen = None if teams is None else frozenset(teams)
        self.tokens[token] = Token(user=user, app=app, permissions=permissions, teams=seen)
        return token

    def bot(self, app: AppIdentity) -> User:
        """The account that an app writes as."""
        return self.user(f"{app.slug}[bot]", type="Bot")
