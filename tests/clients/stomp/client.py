# What a program in Python does, with the library that it uses, over WebSocket: signs in, listens, says something and sees it come
# back, with receipts, acknowledgements, a transaction and heart-beats.
#
#   python client.py HOST PORT PROJECT TOKEN USERNAME PASSWORD CONVERSATION FOREIGN_CONVERSATION

import json
import queue
import sys
import uuid

import stomp

host, port, project, token, username, password, conversation, foreign = sys.argv[1:]
topic = f"/topic/conversations/{conversation}"
app = f"/app/conversations/{conversation}"
PATIENCE = 20


class Listener(stomp.ConnectionListener):
    """What came, by its kind."""

    def __init__(self):
        self.came = {kind: queue.Queue() for kind in ("connected", "message", "receipt", "error", "disconnected")}

    def on_connected(self, frame):
        self.came["connected"].put(frame)

    def on_message(self, frame):
        self.came["message"].put(frame)

    def on_receipt(self, frame):
        self.came["receipt"].put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.came["error"].put(frame)

    def on_disconnected(self):
        self.came["disconnected"].put(None)

    def next(self, kind):
        return self.came[kind].get(timeout=PATIENCE)


def open_connection(binary, headers, **credentials):
    # The library says no subprotocol by itself.
    connection = stomp.WSStompConnection(
        [(host, int(port))],
        ws_path=f"/ws/{project}",
        header={"Sec-WebSocket-Protocol": "v12.stomp"},
        heartbeats=(2000, 2000),
        reconnect_attempts_max=1,
        binary_mode=binary,
    )
    listener = Listener()
    connection.set_listener("", listener)
    connection.connect(headers=headers, **credentials)
    return connection, listener


def receipt(listener, act):
    name = str(uuid.uuid4())
    act(name)
    assert listener.next("receipt") == name


def talk(how, binary, headers, **credentials):
    connection, listener = open_connection(binary, headers, **credentials)
    connected = listener.next("connected").headers
    assert (connected["version"], connected["user-name"]) == ("1.2", "alice"), connected
    receipt(listener, lambda name: connection.subscribe(topic, "sub: 1", ack="client-individual", receipt=name))

    body = json.dumps({"content": f"json {how}: é\n"})
    receipt(listener, lambda name: connection.send(app, body, "application/json", receipt=name))
    message = listener.next("message")
    assert json.loads(message.body)["body"] == f"json {how}: é\n"
    assert (message.headers["destination"], message.headers["subscription"]) == (topic, "sub: 1")
    connection.ack(message.headers["ack"])

    connection.send(app, f"plain {how}", "text/plain")
    message = listener.next("message")
    assert json.loads(message.body)["body"] == f"plain {how}"
    connection.nack(message.headers["ack"])

    transaction = connection.begin()
    for number in (1, 2):
        connection.send(app, f"{number} of {how}", "text/plain", transaction=transaction)
    connection.commit(transaction)
    for number in (1, 2):
        message = listener.next("message")
        assert json.loads(message.body)["body"] == f"{number} of {how}"
        receipt(listener, lambda name: connection.ack(message.headers["ack"], receipt=name))
    receipt(listener, lambda name: connection.unsubscribe("sub: 1", receipt=name))

    # What was refused comes again.
    connection.subscribe(topic, "2", ack="client")
    for expected in (f"plain {how}", f"1 of {how}", f"2 of {how}"):
        message = listener.next("message")
        assert json.loads(message.body)["body"] == expected
    receipt(listener, lambda name: connection.ack(message.headers["ack"], receipt=name))
    connection.disconnect(receipt="bye")
    listener.next("disconnected")


talk("by token", False, {"Authorization": f"Bearer {token}"})
talk("by password", True, {}, username=username, passcode=password)

# Another's conversation: an error with the failed receipt.
connection, listener = open_connection(False, {"Authorization": f"Bearer {token}"})
listener.next("connected")
connection.subscribe(f"/topic/conversations/{foreign}", "1", receipt="r-1")
error = listener.next("error")
assert (error.headers["message"], error.headers["receipt-id"]) == ("destination not found", "r-1"), error
listener.next("disconnected")

# A wrong password.
connection, listener = open_connection(False, {}, username=username, passcode="wrong")
assert json.loads(listener.next("error").body)["code"] == "unauthorized"
print("all is well")
