import { DOCKER, IPROUTE, IPTABLES, NFTABLES, type Requirement } from '../../bin/machine/packages.ts';

/** What the integration and e2e suites drive for real. */
export const TEST_REQUIREMENTS: readonly Requirement[] = [
  DOCKER,
  IPTABLES,
  IPROUTE,
  NFTABLES,
  { package: 'iputils-ping', provides: 'ping', why: 'packets that must not be cut in two' },
  { package: 'wireguard-tools', provides: 'wg', why: 'encrypted networks' },
  { package: 'wireguard-go', provides: 'wireguard-go', why: 'encrypted networks where the kernel has no WireGuard' },
  { package: 'tcpdump', provides: 'tcpdump', why: 'what passes between hosts is looked at' },
  { package: 'busybox-static', provides: '/bin/busybox', why: 'images are made from a static binary' },
  { package: 'systemd-sysv', provides: '/sbin/init', why: 'hosts with systemd, in containers' },
  { package: 'dbus', provides: '/usr/bin/dbus-daemon', why: 'hosts with systemd, in containers' },
  { package: 'cloud-init', provides: 'cloud-init', why: 'what `terrane node config` prints is checked by cloud-init itself' },
  { package: 'ignition', provides: 'ignition-validate', why: 'what `terrane node config` prints is checked by Ignition itself' },
  { package: 'shellcheck', provides: 'shellcheck', why: 'install.sh is checked' },
  { package: 'chromium', provides: '/usr/bin/chromium', why: 'the web console is walked in a real browser' },
  { package: 'etcd-client', provides: 'etcdctl', why: "the host's etcd endpoint is held against Debian's client" },
  {
    package: 'python3-etcd3',
    provides: '/usr/lib/python3/dist-packages/etcd3/__init__.py',
    why: 'a client of etcd in Python, by gRPC',
  },
  {
    package: 'python3-etcd3gw',
    provides: '/usr/lib/python3/dist-packages/etcd3gw/__init__.py',
    why: 'a client of etcd in Python, by the JSON gateway',
  },
  { package: 'bind9-dnsutils', provides: 'dig', why: "the hosts' name server is held against Debian's client" },
  { package: 'rauc', provides: 'rauc', why: 'A/B updates by the real thing' },
  { package: 'apt-utils', provides: 'apt-ftparchive', why: 'repositories for the tests of upgrades' },
  { package: 'systemd', provides: 'busctl', why: "update_engine's D-Bus interface is called as on hosts" },
  { package: 'gnupg', provides: 'gpg', why: 'signed repositories' },
  { package: 'squashfs-tools', provides: 'mksquashfs', why: "RAUC's bundles" },
  { package: 'dbus', provides: 'dbus-daemon', why: 'a bus of its own for each host with RAUC' },
  { package: 'curl', provides: 'curl', why: 'install.sh downloads with it' },
];
