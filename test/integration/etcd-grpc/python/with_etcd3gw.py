"""What programs with Debian's python3-etcd3gw do (the JSON gateway), against the endpoint that is given as host and port."""
import sys
import threading

from etcd3gw.client import Etcd3Client

client = Etcd3Client(host=sys.argv[1], port=int(sys.argv[2]), timeout=10)

assert client.put("gw/a", "1")
assert client.get("gw/a") == [b"1"]
assert client.get("gw/missing") == []
assert client.create("gw/a", "2") is False
assert client.create("gw/b", "2") is True
assert client.replace("gw/b", "2", "3") is True
assert [value for value, _ in client.get_prefix("gw/")] == [b"1", b"3"]

events, cancel = client.watch("gw/w")
threading.Thread(target=lambda: client.put("gw/w", "x")).start()
assert next(events)["kv"]["value"] == b"x"
cancel()

lease = client.lease(ttl=60)
assert client.put("gw/l", "x", lease)
assert 0 < lease.ttl() <= 60
assert lease.keys() == [b"gw/l"]
assert lease.refresh() == 60
assert lease.revoke()
assert client.get("gw/l") == []

lock = client.lock(id="gw-lock", ttl=30)
assert lock.acquire() and lock.is_acquired()
assert client.lock(id="gw-lock", ttl=30).acquire() is False
assert lock.release()

assert client.status()["version"].startswith("3.4.")
assert len(client.members()) == 1
assert client.delete_prefix("gw/")
print("all is well")
