"""Where the chat can be opened: the addresses printed at the start."""

import ipaddress
import socket


def chat_addresses(public_url: str, host: str, port: int) -> list[str]:
    """Return the addresses under which the chat is reachable, the best one for a phone last."""
    if public_url:
        return [public_url]
    if not ipaddress.ip_address(socket.gethostbyname(host)).is_unspecified:
        return [f"http://{host}:{port}"]
    addresses = [f"http://localhost:{port}"]
    network = _own_address()
    if network is not None:
        addresses.append(f"http://{network}:{port}")
    return addresses


def _own_address() -> str | None:
    """Return this machine's address in its network; None without one."""
    # Connecting a datagram socket sends nothing: the system only chooses the address it would send from.
    # 192.0.2.1 is reserved for documentation (RFC 5737).
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address: str = probe.getsockname()[0]
    return address if address != "0.0.0.0" else None  # noqa: S104 - a comparison
