// SPDX-License-Identifier: Apache-2.0
#include "client/options.hpp"

namespace sluice::tool {

void client_verb_options::declare(declaration& app) {
  app.add_option("HOST", address, "HOST, HOST:PORT or [IPV6]:PORT; port 443, or that of --starttls, unless given")
      .required()
      .type_name("");
  tls.declare(app);
  way.declare(app);
  app.add_option("--servername", server_name, "Name to send (SNI) and to verify, if it is not HOST").type_name("NAME");
  app.add_flag("--insecure", is_insecure, "Accept any certificate: the server is not verified");
  app.add_flag("--require-tls13", needs_tls13, "Fail (9) unless TLS 1.3 was agreed");
  app.add_option("--require-alpn", needs_alpn, "Fail (9) unless this application protocol was agreed")
      .type_name("NAME");
  app.add_flag("--require-pq", needs_post_quantum, "Fail (9) unless the key exchange was a post-quantum hybrid");
  app.add_flag("--require-ocsp", needs_ocsp, "Fail (9) unless a good OCSP response was stapled");
  app.add_option("--fail-under", fail_under, "Fail (9) when a certificate ends sooner than this: 21d")
      .type_name("TIME");
  app.add_option("--save-chain", save_chain, "Write the peer's certificates (PEM), also if they are rejected")
      .type_name("FILE");
  watch.declare(app);
}

}  // namespace sluice::tool
