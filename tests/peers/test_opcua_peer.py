"""The OPC UA link against a server that others wrote (node-opcua): the contract body, security and users."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.link import PlcLink
from plc_bridge.opcua_config import Config, Mode, Policy, Security, User
from plc_bridge.opcua_link import OpcuaLink, OpcuaWire
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import DEFAULT_ROBOTS, default_tag_map_path
from senbetsu_errors import NeedsOperator
from tests.peers.node_opcua import NodeServer, Secured, need_node_opcua, node_opcua
from tests.plc_bridge.certificates import identity, trust_list, write
from tests.plc_bridge.contract_body import CONTRACT, ROBOT_CONTRACT, Bench

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def config(server: NodeServer, **settings: object) -> Config:
    return Config.model_validate(
        {
            "url": server.url,
            "tags": default_tag_map_path("opcua"),
            "cycle_ms": 20,
            "heartbeat_timeout_ms": 1000,
            "connect_timeout_ms": 10_000,
            **settings,
        }
    )


class Site:
    """Certificates and password of a line, a server that knows them."""

    def __init__(self, folder: Path) -> None:
        self.server, client, user = identity("server", server=True), identity("client"), identity("user")
        self.certificate, self.key = write(folder, "client", client)
        self.user_certificate, self.user_key = write(folder, "user", user)
        self.trust_list = trust_list(folder / "ours", self.server).folder
        self.password = folder / "password"
        self.password.write_text("right\n")
        self.secured = Secured(self.server, [self.certificate], {"line": "right"}, [self.user_certificate])
        self.folder = folder

    def security(self, policy: Policy = "Basic256Sha256", mode: Mode = "SignAndEncrypt", **changes: Path) -> Security:
        return Security.model_validate(
            {
                "policy": policy,
                "mode": mode,
                "certificate": self.certificate,
                "key": self.key,
                "trust_list": self.trust_list,
                **changes,
            }
        )

    @property
    def user(self) -> User:
        return User(name="line", password_file=self.password)


@pytest.mark.parametrize("secured", [False, True], ids=["open", "sign and encrypt"])
def test_an_independent_opcua_server_keeps_every_promise(tmp_path: Path, secured: bool) -> None:
    need_node_opcua()
    site = Site(tmp_path)

    async def run() -> None:
        async with node_opcua(tmp_path / "node", Bench().plc, site.secured if secured else None) as server:
            how = {"security": site.security(), "user": site.user} if secured else {"insecure": True}

            @asynccontextmanager
            async def link(bench: Bench) -> AsyncGenerator[PlcLink]:
                server.plc = bench.plc
                yield OpcuaLink(config(server, **how))

            for promise in CONTRACT:
                await promise(link)

    asyncio.run(run())


def test_an_independent_opcua_server_with_robots_keeps_every_promise(tmp_path: Path) -> None:
    need_node_opcua()

    async def run() -> None:
        tag_map = default_tag_map("opcua", DEFAULT_ROBOTS)
        async with node_opcua(tmp_path / "node", Bench().plc, tag_map=tag_map) as server:

            @asynccontextmanager
            async def link(bench: Bench) -> AsyncGenerator[PlcLink]:
                server.plc = bench.plc
                tags = default_tag_map_path("opcua", robots=True)
                yield OpcuaLink(config(server, tags=tags, insecure=True))

            for promise in ROBOT_CONTRACT:
                await promise(link)

    asyncio.run(run())


async def opened(wire: OpcuaWire) -> LineStatus:
    """A status over a connection of its own; raises what the opening raises."""
    try:
        await wire.open()
        return await wire.read_status()
    finally:
        await wire.close()


def test_all_policies_and_users_are_accepted_and_wrong_ones_named(tmp_path: Path) -> None:
    need_node_opcua()
    site = Site(tmp_path)
    (tmp_path / "wrong").write_text("wrong\n")
    stranger = write(tmp_path, "stranger", identity("stranger"))
    expired = write(tmp_path, "expired", identity("expired", made_days_ago=30, days=10))
    nobody_trusted = trust_list(tmp_path / "nobody").folder
    certificate_user = User(certificate=site.user_certificate, key=site.user_key)

    async def run() -> None:
        bench = Bench()
        async with node_opcua(tmp_path / "node", bench.plc, site.secured) as server:

            async def reads(security: Security, user: User | None) -> None:
                assert (await opened(OpcuaWire(config(server, security=security, user=user)))).epoch == 1

            async def refused(security: Security, user: User | None, code: str, says: str) -> None:
                with pytest.raises(NeedsOperator, match=says) as refusal:
                    await opened(OpcuaWire(config(server, security=security, user=user)))
                assert refusal.value.code == code

            policies: tuple[Policy, ...] = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
            modes: tuple[Mode, ...] = ("Sign", "SignAndEncrypt")
            for policy in policies:
                for mode in modes:
                    await reads(site.security(policy, mode), site.user)
                await reads(site.security(policy), certificate_user)
            wrong = User(name="line", password_file=tmp_path / "wrong")
            await refused(site.security(), wrong, "plc.user_refused", "refuses the user or the password.*user line")
            foreign = User(certificate=stranger[0], key=stranger[1])
            await refused(site.security(), foreign, "plc.user_refused", "user certificate .*stranger")
            await refused(site.security(), None, "plc.user_token", "does not take Anonymous users")
            security = site.security(trust_list=nobody_trusted)
            await refused(security, site.user, "plc.certificate_untrusted", "CN=server, thumbprint .* is not trusted")
            security = site.security(certificate=stranger[0], key=stranger[1])
            await refused(security, site.user, "plc.we_are_untrusted", "CN=stranger, thumbprint")
            security = site.security(certificate=expired[0], key=expired[1])
            await refused(security, site.user, "plc.certificate_expired", "Our own certificate expired on")
            assert server.commands == 0

    asyncio.run(run())


def test_a_server_whose_certificate_has_expired_is_refused_although_trusted(tmp_path: Path) -> None:
    need_node_opcua()
    site = Site(tmp_path)
    expired = identity("old server", server=True, made_days_ago=30, days=10)
    trusting = trust_list(tmp_path / "trusting", expired).folder

    async def run() -> None:
        async with node_opcua(tmp_path / "node", Bench().plc, Secured(expired, [site.certificate])) as server:
            wire = OpcuaWire(config(server, security=site.security(trust_list=trusting)))
            with pytest.raises(NeedsOperator, match="The server's certificate expired on"):
                await opened(wire)

    asyncio.run(run())


@pytest.mark.parametrize("changes", ["method", "paths", "subscription"])
def test_calls_browse_paths_and_subscriptions_work_too(tmp_path: Path, changes: str) -> None:
    need_node_opcua()
    text = default_tag_map_path("opcua").read_text()
    settings: dict[str, object] = {"insecure": True}
    if changes == "method":
        text = text.replace("command:\n", 'command:\n  method: "ns=2;s=Senbetsu.WriteCommand"\n')
    elif changes == "paths":
        text = text.replace("ns=2;s=Senbetsu.", "/0:Objects/2:Senbetsu/2:")
    else:
        settings["status_by"] = "subscription"
    (tmp_path / "tags.yaml").write_text(text)

    async def run() -> None:
        async with node_opcua(tmp_path / "node", Bench().plc) as server:

            @asynccontextmanager
            async def link(bench: Bench) -> AsyncGenerator[PlcLink]:
                server.plc = bench.plc
                yield OpcuaLink(config(server, tags=tmp_path / "tags.yaml", **settings))

            for promise in CONTRACT[1:4]:
                await promise(link)

    asyncio.run(run())


def test_older_receipts_are_read_from_the_history(tmp_path: Path) -> None:
    need_node_opcua()

    async def run() -> None:
        bench = Bench()
        async with node_opcua(tmp_path / "node", bench.plc) as server:
            wire = OpcuaWire(config(server, insecure=True))
            try:
                await wire.open()
                await fill(bench, 40)
                await asyncio.sleep(0.1)
                receipts: list[Receipt] = list(await wire.read_receipts(2, 30))
                assert receipts == bench.plc.receipt_history(2, 30)
                assert len(receipts) == 30
            finally:
                await wire.close()

    asyncio.run(run())


async def fill(bench: Bench, count: int) -> None:
    """Have the PLC write `count` receipts: orders that come too late."""
    from plc_bridge.contract import JetOrder, LineCommand

    now_s, sent = 1.0, 0
    bench.plc.scan(now_s, 100_000, 500.0, bench.inputs)
    epoch = bench.plc.status().epoch << 16 | 1
    while sent < count:
        batch = min(8, count - sent)
        orders = tuple(JetOrder(sent + n + 1, 1, 1, 10, 20) for n in range(batch))
        bench.plc.write_command(CommandImage(epoch, sent, LineCommand.RUN, 500.0, sent // 8 + 1, orders))
        sent += batch
        now_s += 0.001
        bench.plc.scan(now_s, 100_000, 500.0, bench.inputs)
    assert bench.plc.status().receipt_total == count
