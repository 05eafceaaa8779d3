"""Subscribers are told as the contract says: signed, again when they fail, doubled, late, out of order, or never."""

import base64
import hashlib
import hmac
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import requests
import yaml

from ops.simulators.contract_schema import BodyReader
from ops.simulators.json_text import read_json
from ops.simulators.server import SimulatorServer
from ops.simulators.virtuous import VirtuousSimulator
from ops.simulators.virtuous_outbox import DeliveryState, Mishap
from ops.simulators.virtuous_population import OUR_SOURCE
from tests.simulators.conftest import CONTRACTS, Clock
from tests.simulators.virtuous_world import HOME, IMANI, VirtuousWorld, gift, row


@pytest.fixture
def world(clock: Clock) -> VirtuousWorld:
    return VirtuousWorld(clock)


def _ids(bodies: list[dict[str, Any]]) -> list[int]:
    """The contacts that bodies tell of, in whatever envelope."""
    return [(model or body)["contact"]["id"] for body in bodies for model in body.get("models", [None])]


def _name(body: dict[str, Any]) -> str:
    return str(body["event"]).replace(".", "").casefold()


def test_a_subscription_is_made_read_replaced_and_dropped(world: VirtuousWorld) -> None:
    webhook_id = world.subscribe()
    shown = world.read(f"Webhook/{webhook_id}")
    assert (shown["secret"], shown["active"], shown["projectCreate"]) == ("s1", True, False)
    replaced = world.write(
        "PUT", f"Webhook/{webhook_id}", {"payloadUrl": "https://x.example.org", "contactUpdate": True}
    )
    assert [replaced[name] for name in ("secret", "active", "contactUpdate", "contactCreate")] == [
        None,
        False,
        True,
        False,
    ]
    assert world.send("PUT", f"Webhook/{webhook_id}/Active", active="true").status == 200
    assert world.read(f"Webhook/{webhook_id}")["active"] is True
    assert world.send("PUT", f"Webhook/{webhook_id}/Active", active="maybe").status == 400
    assert world.send("DELETE", f"Webhook/{webhook_id}").status in (200, 204)
    assert world.get(f"Webhook/{webhook_id}").status == 404
    for url in ("http://hooks.example.org", "ftp://x", "", None):
        assert world.send("POST", "Webhook", {"payloadUrl": url}).status == 400
    assert world.violations(of="answer") == []


@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_a_delivery_is_signed_over_its_raw_body_if_there_is_a_secret(world: VirtuousWorld, encoding: str) -> None:
    world.store.settings.signature_encoding = encoding
    world.subscribe(secret="topsecret")
    world.subscribe(secret=None)
    world.contact()
    world.deliver()
    (_, signed, body), (_, unsigned, _) = world.received
    digest = hmac.new(b"topsecret", body, hashlib.sha256).digest()
    assert signed["X-Virtuous-Signature"] == (digest.hex() if encoding == "hex" else base64.b64encode(digest).decode())
    assert "X-Virtuous-Signature" not in unsigned


def test_bodies_keep_the_contract_in_every_envelope(world: VirtuousWorld) -> None:
    world.subscribe(**dict.fromkeys(("projectCreate", "projectUpdate"), True))
    contact = world.contact()
    for n in range(10):
        world.staff.edit_contact(contact.contact_id, {"individual": {"phone": f"251-555-011{n}"}})
    world.staff.run_ncoa({contact.contact_id: {**HOME, "address1": "9 Dock St"}})
    landed = world.landed_gift()
    world.staff.edit_gift(landed["id"], {"notes": "x"})
    world.staff.delete_gift(landed["id"])
    world.write("POST", "Project", {"name": "Wells"})
    bodies = world.deliver()
    components = yaml.safe_load((CONTRACTS / "virtuous.openapi.yaml").read_text(encoding="utf-8"))["components"]
    for body, value in zip((raw for _, _, raw in world.received), bodies, strict=True):
        kind = next(kind for kind in ("Contact", "Gift", "Project") if _name(value).startswith(kind.casefold()))
        reader = BodyReader({"application/json": {"$ref": f"#/components/schemas/{kind}Delivery"}}, components)
        assert reader.problems("application/json", body) == []
    contacts = [body for body in bodies if _name(body) == "contactupdate"]
    assert {"models" in body for body in contacts} == {True, False}
    assert {"." in body["event"] for body in bodies} == {True, False}
    models = [model["contact"] for body in contacts for model in body.get("models", [body])]
    assert not any("contactReferences" in model or "modifiedDateTimeUtc" in model for model in models)


def test_what_staff_imports_and_callers_do_is_told_and_merges_are_not(world: VirtuousWorld) -> None:
    world.subscribe()
    first = world.contact("1")
    world.send("POST", "Contact/Transaction", row("1"))
    world.simulator.run_import()
    body = {"contactId": first.contact_id, "referenceSource": OUR_SOURCE, "referenceId": "9"}
    world.send("POST", "ContactReference", body)
    assert [_name(body) for body in world.deliver()] == ["contactcreate", "contactupdate", "contactupdate"]
    second = world.contact("2", contactIndividuals=[{**IMANI, "firstName": "Eve"}])
    world.deliver()
    world.staff.merge(first.contact_id, second.contact_id)
    world.staff.archive(second.contact_id)
    world.staff.delete(second.contact_id)
    assert world.deliver() == []


def test_a_snapshot_is_that_of_the_event_and_stale_when_it_arrives(world: VirtuousWorld, clock: Clock) -> None:
    world.subscribe()
    contact = world.contact()
    world.staff.edit_contact(contact.contact_id, {"individual": {"lastName": "Stone"}})
    create, update = world.deliver()
    names = [(body.get("models") or [body])[0]["contact"]["name"] for body in (create, update)]
    assert names == ["Imani Vance", "Imani Stone"]


def test_projects_are_told_of_unless_the_writer_asks_for_silence(world: VirtuousWorld) -> None:
    world.subscribe(**dict.fromkeys(("projectCreate", "projectUpdate"), True))
    quiet = world.write("POST", "Project", {"name": "Wells"}, disableWebhookUpdates="true")
    world.write("PUT", f"Project/{quiet['id']}", {"name": "Well"}, disableWebhookUpdates="true")
    assert world.deliver() == []
    world.send("PATCH", "Project", [{"id": quiet["id"], "name": "Wells"}], disableWebhookUpdates="true")
    world.write("POST", "Project", {"name": "Roof"})
    assert [_name(body) for body in world.deliver()] == ["projectupdate", "projectcreate"]
    world.store.settings.patch_honours_disable = True
    world.send("PATCH", "Project", [{"id": quiet["id"], "name": "W"}], disableWebhookUpdates="true")
    assert world.deliver() == []


def test_a_delivery_that_fails_is_repeated_and_at_last_listed_for_staff(world: VirtuousWorld, clock: Clock) -> None:
    world.store.settings.repeat_after = (10.0, 60.0)
    world.subscribe()
    world.answers = lambda _: 500
    world.contact()
    world.deliver()
    assert world.deliver() == []
    clock.move(10)
    world.deliver()
    world.answers = lambda _: 0
    clock.move(60)
    world.deliver()
    (failure,) = world.store.outbox.failures
    assert (failure.statuses, world.store.outbox.open_count) == ([500, 500, 0], 0)
    world.answers = lambda _: 202
    world.store.outbox.retry(failure.number)
    world.deliver()
    assert (failure.state, world.store.outbox.failures) == (DeliveryState.DELIVERED, [])
    assert len({body for _, _, body in world.received}) == 1


def test_deliveries_are_lost_doubled_late_and_overtaken_on_demand(world: VirtuousWorld, clock: Clock) -> None:
    world.subscribe(contactCreate=False)
    contacts = [world.contact(str(n), contactIndividuals=[{**IMANI, "email": f"{n}@x.org"}]) for n in range(5)]
    ids = [contact.contact_id for contact in contacts]
    outbox = world.store.outbox
    outbox.mishap(Mishap.LOST, record_id=ids[0])
    outbox.mishap("doubled", record_id=ids[1], count=1)
    outbox.mishap("delayed", record_id=ids[2], seconds=30)
    outbox.mishap("overtaken", record_id=ids[3])
    for contact_id in ids:
        world.staff.edit_contact(contact_id, {"individual": {"lastName": "Stone"}})
    assert _ids(world.deliver()) == [ids[1], ids[1], ids[4], ids[3]]
    clock.move(30)
    assert _ids(world.deliver()) == [ids[2]]
    assert [one.record_ids for one in outbox.deliveries if one.state is DeliveryState.LOST] == [(ids[0],)]


def test_one_that_nothing_overtakes_comes_a_little_later(world: VirtuousWorld, clock: Clock) -> None:
    world.subscribe()
    world.store.outbox.mishap("overtaken")
    world.contact()
    assert world.deliver() == []
    clock.move(2)
    assert len(world.deliver()) == 1


def test_mishaps_by_chance_are_the_same_for_the_same_seed(clock: Clock) -> None:
    def states() -> list[str]:
        simulator = VirtuousSimulator(clock=clock, seed=5)
        simulator.store.outbox.subscribe({"payloadUrl": "https://x", "active": True, "contactCreate": True})
        simulator.store.outbox.mishap("lost", probability=0.5)
        for _ in range(40):
            simulator.staff.add_contact({"contactIndividuals": [IMANI]})
        return [one.state.value for one in simulator.store.outbox.deliveries]

    assert states() == states()
    assert 10 < states().count("lost") < 30


def test_an_address_correction_run_tells_of_many_contacts_in_one_body(world: VirtuousWorld) -> None:
    world.subscribe(contactCreate=False)
    ids = [world.contact(str(n), contactIndividuals=[]).contact_id for n in range(60)]
    world.staff.run_ncoa({own_id: {**HOME, "address1": f"{own_id} Dock St"} for own_id in ids}, bundle=25)
    bodies = world.deliver()
    assert [len(body["models"]) for body in bodies] == [25, 25, 10]
    assert _ids(bodies) == ids


def test_what_happens_during_a_pause_is_told_to_nobody(world: VirtuousWorld) -> None:
    webhook_id = world.subscribe()
    world.send("PUT", f"Webhook/{webhook_id}/Active", active="false")
    contact = world.contact()
    world.send("PUT", f"Webhook/{webhook_id}/Active", active="true")
    assert world.deliver() == []
    world.staff.edit_contact(contact.contact_id, {"tags": ["x"]})
    assert len(world.deliver()) == 1


def test_a_dropped_subscription_is_sent_nothing_more(world: VirtuousWorld) -> None:
    webhook_id = world.subscribe()
    world.contact()
    world.send("DELETE", f"Webhook/{webhook_id}")
    assert world.deliver() == []
    assert [one.state for one in world.store.outbox.deliveries] == [DeliveryState.LOST]


def test_a_body_of_any_form_is_sent_and_signed(world: VirtuousWorld) -> None:
    world.subscribe()
    world.store.outbox.send_body(b'{"event": "GiftNoteRead", "models": [{}]}')
    world.store.outbox.send_body(b"{")
    world.simulator.sender.deliver_due(world._post)
    assert [body for _, _, body in world.received] == [b'{"event": "GiftNoteRead", "models": [{}]}', b"{"]
    assert all("X-Virtuous-Signature" in headers for _, headers, _ in world.received)


def test_two_subscriptions_are_both_told(world: VirtuousWorld) -> None:
    world.subscribe()
    world.subscribe()
    world.contact()
    assert len(world.deliver()) == 2


def test_the_gifts_of_a_run_are_told_several_at_a_time(world: VirtuousWorld) -> None:
    world.store.settings.models_per_delivery = 10
    world.subscribe(contactCreate=False)
    rows = [gift(f"don-{n}") for n in range(12)]
    world.send("POST", "v2/Gift/Transactions", {"transactionSource": OUR_SOURCE, "transactions": rows})
    world.simulator.run_import()
    bodies = world.deliver()
    assert [len(body["models"]) for body in bodies] == [10, 2]
    assert bodies[0]["models"][0]["gift"]["id"] == min(world.store.gifts)


class _Receiver(BaseHTTPRequestHandler):
    """Fails once, then takes all."""

    bodies: ClassVar[list[bytes]] = []
    failing: ClassVar[int] = 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        _Receiver.failing -= 1
        is_taken = _Receiver.failing < 0
        if is_taken:
            _Receiver.bodies.append(body)
        self.send_response(200 if is_taken else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


def test_the_sender_tells_a_real_receiver_and_the_control_side_steers_it() -> None:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    simulator = VirtuousSimulator()
    try:
        with SimulatorServer(simulator) as server, requests.Session() as session, simulator.sender.running():
            staff = f"{server.url}/_sim"
            session.headers["Authorization"] = f"Bearer {simulator.api_key}"
            session.patch(f"{staff}/settings", json={"repeat_after": [0.05]}, timeout=5).raise_for_status()
            url = f"http://127.0.0.1:{listening.server_port}/hook"
            hook = {"payloadUrl": url, "secret": "s", "contactCreate": True, "contactUpdate": True}
            session.post(f"{server.url}/api/Webhook", json=hook, timeout=5).raise_for_status()
            members = {"contactIndividuals": [IMANI], "contactReferences": [{"source": OUR_SOURCE, "id": "1"}]}
            made = session.post(f"{staff}/contacts", json=members, timeout=5).json()
            change = {"individual": {"lastName": "Stone"}}
            session.patch(f"{staff}/contacts/{made['id']}", json=change, timeout=5).raise_for_status()
            # The receiver has a body before the sender has noted the answer.
            for _ in range(1000):
                shown = session.get(f"{staff}/deliveries", timeout=5).json()
                if len(shown) == 2 and all(one["state"] == "delivered" for one in shown):
                    break
                time.sleep(0.01)
            assert sorted(len(one["statuses"]) for one in shown) == [1, 2]
            assert {one["state"] for one in shown} == {"delivered"}
            assert {read_json(body)["event"] for body in _Receiver.bodies} == {"ContactCreate", "ContactUpdate"}
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(5)
