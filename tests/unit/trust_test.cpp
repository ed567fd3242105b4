// SPDX-License-Identifier: Apache-2.0
// Trust stores: where the system's is looked for, what a file or folder yields, and what each error names.
#include "support/flavour.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

const testkit::authority& other_root() {
  static const auto made = testkit::authority::make_root("Other Root").value();
  return made;
}

// A folder of its own for each test.
struct trust_store : ::testing::Test {
  std::string write(const std::string& name, const std::string& text) const { return home.write(name, text); }
  std::string make_folder(const std::string& name) const {
    fs::create_directories(home.path() / name);
    return (home.path() / name).string();
  }
  std::string absent(const std::string& name) const { return (home.path() / name).string(); }
  testkit::scratch_folder home;
};

std::vector<std::string> subjects(const trust& store) {
  std::vector<std::string> found;
  for (const auto& anchor : store.anchors()) found.push_back(anchor.subject());
  return found;
}
const std::vector<std::string> only_root = {"CN=Test Root"};

// SSL_CERT_FILE and SSL_CERT_DIR, for a scope; whatever they were before is out of the way.
class environment {
 public:
  explicit environment(const char* file, const char* folders = nullptr)
      : file_("SSL_CERT_FILE", file), folders_("SSL_CERT_DIR", folders) {}
  environment(const std::string& file, const std::string& folders) : environment(file.c_str(), folders.c_str()) {}

 private:
  class variable {
   public:
    variable(const char* name, const char* value) : name_(name) {
      if (const char* was = std::getenv(name)) was_ = was;
      set(value);
    }
    variable(const variable&) = delete;
    variable& operator=(const variable&) = delete;
    ~variable() { set(was_ ? was_->c_str() : nullptr); }

   private:
    void set(const char* value) const {
      if (value) {
        ::setenv(name_, value, 1);
      } else {
        ::unsetenv(name_);
      }
    }
    const char* name_;
    std::optional<std::string> was_;
  };
  variable file_, folders_;
};

TEST_F(trust_store, of_the_system_is_the_first_file_that_exists) {
  const auto first = write("first.pem", root().certificate());
  const auto second = write("second.pem", other_root().certificate());
  const auto store = trust::system({{absent("a"), first, second}, {make_folder("certs")}, false}).value();
  EXPECT_EQ(subjects(store), only_root);
  EXPECT_EQ(store.where(), first);
}

TEST_F(trust_store, of_the_system_is_the_first_folder_with_certificates_where_there_is_no_file) {
  const auto empty = make_folder("empty");
  const auto full = make_folder("full");
  write("full/ca.crt", root().certificate());
  const auto store = trust::system({{absent("a"), absent("b")}, {absent("c"), empty, full}, false}).value();
  EXPECT_EQ(subjects(store), only_root);
  EXPECT_EQ(store.where(), full);
}

TEST_F(trust_store, of_the_system_that_is_nowhere_names_the_places_tried) {
  const auto empty = make_folder("empty");
  const auto store = trust::system({{absent("a"), absent("b")}, {absent("c"), empty}, false});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, make_error_code(errc::trust_store_empty));
  EXPECT_EQ(store.error().where, "system trust store");
  EXPECT_EQ(store.error().detail, "tried " + absent("a") + ", " + absent("b") + ", " + absent("c") + ", " + empty);
  EXPECT_EQ(store.error().remedy, "install ca-certificates, or set SSL_CERT_FILE or the trust option");
}

TEST_F(trust_store, of_the_system_with_a_file_that_is_empty_or_broken_is_an_error) {
  const auto good = make_folder("good");
  write("good/ca.pem", root().certificate());
  for (const auto& [text, cause] :
       {std::pair("", errc::trust_store_empty), std::pair("nothing here\n", errc::trust_store_empty),
        std::pair("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", errc::bad_pem)}) {
    const auto file = write("bundle.pem", text);
    const auto store = trust::system({{file}, {good}, false});
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, make_error_code(cause));
    EXPECT_TRUE(store.error().where.starts_with(file)) << store.error().where;
  }
}

TEST_F(trust_store, named_by_the_environment_is_read_instead) {
  const auto usual = write("usual.pem", other_root().certificate());
  const auto file = write("mine.pem", root().certificate());
  const auto one = make_folder("one");
  const auto two = make_folder("two");
  write("one/ca.pem", root().certificate());
  write("two/ca.pem", other_root().certificate());
  const auto read = [&usual](const environment&) { return trust::system({{usual}, {}, true}); };
  const std::vector<std::string> only_other = {"CN=Other Root"};
  const std::vector<std::string> both = {"CN=Test Root", "CN=Other Root"};

  EXPECT_EQ(subjects(read(environment(nullptr)).value()), only_other);
  EXPECT_EQ(subjects(read(environment("", "")).value()), only_other);
  EXPECT_EQ(subjects(read(environment(file, "")).value()), only_root);
  EXPECT_EQ(subjects(read(environment("", one)).value()), only_root);
  EXPECT_EQ(subjects(read(environment(file, two)).value()), both);
  EXPECT_EQ(subjects(read(environment("", one + ":" + absent("x") + "::" + two)).value()),
            both);  // as OpenSSL takes it
  EXPECT_EQ(subjects(read(environment(file, absent("x"))).value()), only_root);
  const environment ignored(file, "");
  EXPECT_EQ(subjects(trust::system({{usual}, {}, false}).value()), only_other);
}

TEST_F(trust_store, named_by_the_environment_and_absent_is_an_error_that_names_it) {
  const auto usual = write("usual.pem", other_root().certificate());
  const auto no_file = [&] {
    const environment set(absent("gone.pem"), "");
    return trust::system({{usual}, {}, true});
  }();
  EXPECT_EQ(no_file.error().code, make_error_code(errc::file_not_found));
  EXPECT_EQ(no_file.error().where, absent("gone.pem"));
  const auto no_folder = [&] {
    const environment set("", absent("gone"));
    return trust::system({{usual}, {}, true});
  }();
  EXPECT_EQ(no_folder.error().code, make_error_code(errc::trust_store_empty));
  EXPECT_EQ(no_folder.error().detail, "tried " + absent("gone"));
}

TEST_F(trust_store, of_the_system_is_what_a_client_believes_by_default) {
  const environment set(write("system.pem", root().certificate()), "");
  pair p(context::client().value(), server_context());
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST_F(trust_store, that_is_given_replaces_the_systems) {
  const environment set(write("system.pem", root().certificate()), "");
  const auto believed = trust::from_pem(other_root().certificate(), "override.pem").value();
  pair p(context::client({.trust = believed}).value(), server_context());
  EXPECT_FALSE(p.handshake());
  EXPECT_TRUE(p.client.last_failure().code == errc::untrusted) << why(p);
  EXPECT_EQ(p.client.last_failure().detail,
            "\"CN=localhost\" was issued by \"CN=Test Root\", which is neither sent nor trusted; trusted is the one "
            "certificate of "
            "override.pem");
  pair q(context::client({.trust = believed.with(trust::system().value())}).value(), server_context());
  EXPECT_TRUE(q.handshake()) << why(q);
}

TEST_F(trust_store, that_is_empty_fails_the_context) {
  const auto nothing = trust::from_certificates({}, "nowhere");
  for (const auto& made :
       {context::client({.trust = nothing}),
        context::server({.identities = {site_identity()}, .client_auth = client_auth::required, .trust = nothing})}) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, make_error_code(errc::trust_store_empty));
    EXPECT_EQ(made.error().where, "nowhere");
  }
}

TEST_F(trust_store, of_the_system_that_is_missing_fails_the_context) {
  const environment set(absent("gone.pem"), "");
  const auto made = context::client();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, make_error_code(errc::file_not_found));
}

TEST_F(trust_store, from_a_folder_takes_certificates_by_their_names_once_each) {
  const auto f = make_folder("f");
  write("f/a.pem", root().certificate());
  write("f/5ad8a5d6.0", root().certificate());  // the same, as c_rehash links it
  write("f/1234abcd.12", other_root().certificate());
  const auto third = testkit::authority::make_root("Third").value();
  write("f/c.cer", "a comment\n" + third.certificate());
  const auto ignored = testkit::authority::make_root("Ignored").value();
  for (const auto* name : {"f/README", "f/d.txt", "f/1234abcd.r0", "f/e.pem~", "f/key.p12"})
    write(name, ignored.certificate());
  write("f/broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  make_folder("f/folder.pem");
  const auto store = trust::from_folder(f).value();
  auto found = subjects(store);
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<std::string>{"CN=Other Root", "CN=Test Root", "CN=Third"}));
  EXPECT_EQ(store.where(), f);
}

TEST_F(trust_store, from_a_folder_without_any_or_none_at_all_is_an_error) {
  const auto f = make_folder("f");
  write("f/README", root().certificate());
  EXPECT_EQ(trust::from_folder(f).error().code, make_error_code(errc::trust_store_empty));
  EXPECT_EQ(trust::from_folder(f).error().where, f);
  EXPECT_EQ(trust::from_folder(absent("x")).error().code, make_error_code(errc::file_not_found));
  EXPECT_EQ(trust::from_folder(absent("x")).error().where, absent("x"));
  const auto file = write("file", "x");
  EXPECT_EQ(trust::from_folder(file).error().code, make_error_code(errc::file_unreadable));
}

TEST_F(trust_store, from_a_file_is_all_of_it_or_an_error_that_names_it) {
  const auto both = write("both.pem", root().certificate() + "comment\n" + other_root().certificate());
  EXPECT_EQ(subjects(trust::from_file(both).value()), (std::vector<std::string>{"CN=Test Root", "CN=Other Root"}));
  EXPECT_EQ(trust::from_file(absent("x.pem")).error().code, make_error_code(errc::file_not_found));
  EXPECT_EQ(trust::from_file(make_folder("d")).error().code, make_error_code(errc::file_unreadable));
  const auto key_only = write("key.pem", site().key);
  EXPECT_EQ(trust::from_file(key_only).error().code, make_error_code(errc::trust_store_empty));
  const auto half =
      write("half.pem", root().certificate() + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(trust::from_file(half).error().code, make_error_code(errc::bad_pem));
  EXPECT_EQ(trust::from_file(half).error().where, half + ": certificate 2 of 2");
}

TEST_F(trust_store, search_list_is_that_of_the_common_systems) {
  const auto paths = system_store_paths::defaults();
  EXPECT_EQ(paths.files.front(), "/etc/ssl/certs/ca-certificates.crt");
  EXPECT_EQ(paths.files.size(), 6u);
  EXPECT_EQ(paths.folders.size(), 5u);
  EXPECT_TRUE(paths.read_environment);
}

}  // namespace
}  // namespace sluice::test
