//! Which addresses the server may call on behalf of others: those of the public internet, and what an operator allows beside.
//!
//! An address that a stranger names must not lead to what only the server can reach: the machine itself, its network, the
//! services that clouds offer at link-local addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// IPv4 networks that are not the public internet, by the registry of special-purpose addresses (RFC 6890 and its followers).
const SPECIAL_V4: [([u8; 4], u8); 16] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // carrier-grade NAT
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, with the metadata services of clouds
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // relays of 6to4, of old
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([233, 252, 0, 0], 24),  // documentation of multicast
    ([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// Networks within the global unicast addresses of IPv6 that are not the public internet, or lead to IPv4 by a tunnel.
const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];
/// All global unicast addresses that were ever given out; everything else of IPv6 is special, but for NAT64.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// IPv4 behind a translator (NAT64): the address is in the last 32 bits.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether an address is one of the public internet. Forms that stand for an IPv4 address are judged as that.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => {
            !SPECIAL_V4.iter().any(|(network, length)| holds_v4((*network).into(), *length, address))
        }
        IpAddr::V6(address) => {
            holds_v6(GLOBAL_V6.0, GLOBAL_V6.1, address)
                && !SPECIAL_V6.iter().any(|(network, length)| holds_v6(*network, *length, address))
        }
    }
}

/// The IPv4 address that an IPv6 address stands for (mapped, or behind NAT64), else the address itself.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if let Some(four) = six.to_ipv4_mapped() {
        return four.into();
    }
    if holds_v6(NAT64.0, NAT64.1, six) {
        let [.., a, b, c, d] = six.octets();
        return Ipv4Addr::new(a, b, c, d).into();
    }
    address
}

fn holds_v4(network: Ipv4Addr, length: u8, address: Ipv4Addr) -> bool {
    let differ = network.to_bits() ^ address.to_bits();
    differ.leading_zeros() >= u32::from(length)
}

fn holds_v6(network: Ipv6Addr, length: u8, address: Ipv6Addr) -> bool {
    let differ = network.to_bits() ^ address.to_bits();
    differ.leading_zeros() >= u32::from(length)
}

/// A network, such as `10.1.0.0/16`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Whether an address is in it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => holds_v4(network, self.length, address),
            (IpAddr::V6(network), IpAddr::V6(address)) => holds_v6(network, self.length, address),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            // No sign, no zeros before it.
            Some(digits) if digits.len() > 1 && !digits.starts_with(['1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
                return Err(());
            }
            Some(digits) => digits.parse().map_err(|_| ())?,
            None => most,
        };
        let network = Self { address, length };
        let is_aligned = match address {
            IpAddr::V4(address) => address.to_bits().trailing_zeros() >= u32::from(most.saturating_sub(length)),
            IpAddr::V6(address) => address.to_bits().trailing_zeros() >= u32::from(most.saturating_sub(length)),
        };
        if length <= most && is_aligned { Ok(network) } else { Err(()) }
    }
}

/// What may be called beside the public internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    networks: Vec<Network>,
    /// Names, in small letters.
    hosts: Vec<String>,
}

impl Allowed {
    /// Reads a list of networks, addresses and host names.
    ///
    /// # Errors
    /// The one that is none of them.
    pub fn parse<S: AsRef<str>>(list: &[S]) -> Result<Self, String> {
        let mut allowed = Self::default();
        for entry in list.iter().map(AsRef::as_ref) {
            if let Ok(network) = entry.parse() {
                allowed.networks.push(network);
            } else if is_host(entry) {
                allowed.hosts.push(entry.to_ascii_lowercase());
            } else {
                return Err(entry.to_owned());
            }
        }
        Ok(allowed)
    }

    /// Whether this address may be called under this name.
    #[must_use]
    pub fn permits(&self, host: &str, address: IpAddr) -> bool {
        let (plain, host) = (plain(address), host.trim_end_matches('.'));
        is_public(address)
            || self.networks.iter().any(|network| network.holds(plain) || network.holds(address))
            || self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// Whether a text could be a host's name: letters, digits and hyphens between points, and not all of it a number, which would be an
/// address written wrong.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
