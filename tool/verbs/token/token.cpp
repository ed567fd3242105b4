// SPDX-License-Identifier: Apache-2.0
// `sluice token`: the verbs about tokens and the keys in them.
#include "verbs/token/token.hpp"

#include <array>

namespace sluice::tool {
namespace {

constexpr std::array token_verbs = {
    verb{"list", "Tokens and their keys, as URIs ready to paste",
         "  sluice token list\n"
         "  sluice token list 'pkcs11:token=web?module-name=softhsm2' --pin-file pin",
         declare_token_list},
    verb{"show", "One token, or one key: flags, mechanisms, attributes, certificates",
         "  sluice token show 'pkcs11:token=web?module-name=softhsm2' --pin-file pin", declare_token_show},
    verb{"keygen", "A key pair generated on the token: sensitive, not extractable",
         "  sluice token keygen 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --type ec256",
         declare_token_keygen},
    verb{"csr", "A certificate request, signed by the key in the token",
         "  sluice token csr 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --subject "
         "CN=example.org "
         "--san example.org --san www.example.org > site.csr",
         declare_token_csr},
    verb{"import", "Puts a key, a certificate or both into the token",
         "  sluice token import 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --key site.key "
         "--cert site.pem",
         declare_token_import},
    verb{"sign", "One signature over a file, in base64",
         "  sluice token sign 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --in data.bin",
         declare_token_sign},
    verb{"bench", "Signatures per second, by number of sessions",
         "  sluice token bench 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --duration 5s "
         "--sessions 1,2,4",
         declare_token_bench},
    verb{"doctor", "Checks whether TLS works with this key; reports what does not, and the remedy",
         "  sluice token doctor 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --cert site.pem",
         declare_token_doctor},
    verb{"watch", "Reports when a token is inserted, removed, or changes its state",
         "  sluice token watch 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --json",
         declare_token_watch},
};

}  // namespace

action declare_token(declaration& app) { return declare_subverbs(app, token_verbs); }

}  // namespace sluice::tool
