use super::*;
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_inside_is_not_public() {
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public(ip(text)), "{text}");
    }
}

#[test]
fn the_internet_is_public() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "2001:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ] {
        assert!(is_public(ip(text)), "{text}");
    }
}

#[test]
fn networks_and_hosts_are_told_apart() {
    let allowed = Allowed::parse(&["10.1.0.0/16", "127.0.0.1", "fd00::/8", "Games.internal"]).unwrap();
    for (host, address) in [
        ("x", "10.1.2.3"),
        ("x", "::ffff:10.1.2.3"),
        ("x", "64:ff9b::10.1.2.3"),
        ("x", "127.0.0.1"),
        ("x", "fd12::1"),
        ("games.INTERNAL", "192.168.0.1"),
        ("games.internal.", "192.168.0.1"),
        ("x", "8.8.8.8"),
    ] {
        assert!(allowed.permits(host, ip(address)), "{host} {address}");
    }
    for (host, address) in [("x", "10.2.0.1"), ("x", "127.0.0.2"), ("x", "fc00::1"), ("a.games.internal", "10.2.0.1")] {
        assert!(!allowed.permits(host, ip(address)), "{host} {address}");
    }
    for bad in [
        "",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "300.1.1.1",
        "a b",
        "a..b",
        "::/129",
        "http://x",
    ] {
        assert_eq!(Allowed::parse(&[bad]), Err(bad.to_owned()), "{bad:?}");
    }
    assert!(Allowed::parse(&["0.0.0.0/0", "::/0"]).unwrap().permits("x", ip("127.0.0.1")));
}

proptest! {
    /// However an IPv4 address is written, it is judged the same.
    #[test]
    fn forms_of_one_address_are_judged_alike(bits: u32) {
        let four = Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = four.octets();
        let translated = Ipv6Addr::from([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]);
        let public = is_public(four.into());
        prop_assert_eq!(is_public(four.to_ipv6_mapped().into()), public);
        prop_assert_eq!(is_public(translated.into()), public);
        // And tunnels are never followed.
        let tunnel = Ipv6Addr::from([0x20, 0x02, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        prop_assert!(!is_public(tunnel.into()));
    }

    /// What the standard library knows to be inside is never public.
    #[test]
    fn what_std_calls_special_is_not_public(bits: u32) {
        let four = Ipv4Addr::from_bits(bits);
        if four.is_private() || four.is_loopback() || four.is_link_local() || four.is_multicast() || four.is_unspecified()
            || four.is_documentation() || four.is_broadcast()
        {
            prop_assert!(!is_public(four.into()));
        }
    }

    #[test]
    fn only_global_unicast_of_ipv6_is_public(bits: u128) {
        let six = Ipv6Addr::from_bits(bits);
        if is_public(six.into()) && six.to_ipv4_mapped().is_none() && six.segments()[0] != 0x64 {
            prop_assert_eq!(six.segments()[0] >> 13, 1);
        }
        prop_assert!(!six.is_multicast() || !is_public(six.into()));
    }

    /// A network holds its own addresses and those only.
    #[test]
    fn a_network_holds_what_shares_its_beginning(bits: u32, other: u32, length in 0u8..=32) {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let network: Network = format!("{}/{length}", Ipv4Addr::from_bits(bits & mask)).parse().unwrap();
        prop_assert!(network.holds(Ipv4Addr::from_bits(bits).into()));
        prop_assert_eq!(network.holds(Ipv4Addr::from_bits(other).into()), other & mask == bits & mask);
    }

    #[test]
    fn no_text_is_too_strange(text: String) {
        let _ = Allowed::parse(&[text]);
    }
}
