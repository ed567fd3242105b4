# SPDX-License-Identifier: Apache-2.0
"""The peers."""

from in_python import AwsCrt, Python, Tlslite
from ours import Go, Java, Node, Rustls
from programs import Curl, GnuTLS, OpenSSL

ALL = {
    made.name: made
    for made in (OpenSSL(), GnuTLS(), Go(), Java(), Node(), Python(), Tlslite(), Rustls(), Curl(), AwsCrt())
}
