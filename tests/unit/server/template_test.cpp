#include "server/template/template.hpp"

#include <catch2/catch.hpp>

using namespace osiekit;
using namespace osiekit::server;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

const json data = {
    {"device_1", "52:54:00:12:34:01"},
    {"n", 3},
    {"f", 1.5},
    {"yes", true},
    {"none", nullptr},
    {"list", {"b", "a", "c"}},
    {"map", {{"k2", "v2"}, {"k1", "v1"}}},
    {"Hardware",
     {{"Disks", {"/dev/nvme0n1", "/dev/vda"}},
      {"Interfaces", {{{"dhcp", {{"mac", "m"}, {"ip", {{"address", "192.0.2.1"}}}}}}}},
      {"Metadata", {{"instance", {{"ssh_keys", {"k"}}}}}}}}};

std::string render(std::string_view text) {
    auto parsed = Template::parse(text);
    if (!parsed) return "parse: " + parsed.error().to_string();
    auto result = parsed->render(data);
    return result ? *result : "error: " + result.error().to_string();
}

}  // namespace

TEST_CASE("Templates print values as Go does") {
    CHECK(render("a {{ .device_1 }} b") == "a 52:54:00:12:34:01 b");
    CHECK(render("{{ .n }} {{ .f }} {{ .yes }} {{ .list }} {{ .map }}") ==
          "3 1.5 true [b a c] map[k1:v1 k2:v2]");
    CHECK(render("{{ .none }}") == "<no value>");
    CHECK(render("{{ 1e21 }} {{ 0.00001 }} {{ 100.0 }} {{ 0x10 }} {{ 'a' }}") ==
          "1e+21 1e-05 100 16 97");
    CHECK(render("{{ \"q\\t\\\"\\u00e9\\x41\" }}{{ `raw\\n` }}") == "q\t\"\u00e9Araw\\n");
    CHECK(render("{{/* nothing */}}x{{- /* trims */ -}} y") == "xy");
}

TEST_CASE("White space is trimmed where dashes stand") {
    CHECK(render("a \n {{- .n -}} \n b") == "a3b");
    CHECK(render("{{ -3 }}") == "-3");
    CHECK(render("a {{ .n }} b") == "a 3 b");
}

TEST_CASE("if, with and range") {
    CHECK(render("{{if .none}}a{{else if eq .n 3}}b{{else}}c{{end}}") == "b");
    CHECK(render("{{with .map}}{{.k1}}{{else}}x{{end}}") == "v1");
    CHECK(render("{{with .none}}x{{else with .n}}{{.}}{{end}}") == "3");
    CHECK(render("{{range $i, $e := .list}}{{if $i}},{{end}}{{$i}}={{$e}}{{end}}") ==
          "0=b,1=a,2=c");
    CHECK(render("{{range $k, $v := .map}}{{$k}}{{$v}} {{end}}") == "k1v1 k2v2 ");
    CHECK(render("{{range .none}}x{{else}}empty{{end}}") == "empty");
    CHECK(render("{{range 3}}{{.}}{{end}}") == "012");
    CHECK(render("{{range .list}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{end}}") == "bc");
    CHECK(render("{{range .list}}{{if eq . \"a\"}}{{break}}{{end}}{{.}}{{end}}") == "b");
    CHECK(render("{{range .list}}{{$.n}}{{end}}") == "333");
}

TEST_CASE("Variables have scopes") {
    CHECK(render("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}") == "2");
    CHECK(render("{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}") == "1");
    CHECK(render("{{with $y := .n}}{{$y}}{{end}}") == "3");
    CHECK_THAT(render("{{if true}}{{$x := 1}}{{end}}{{$x}}"), Contains("line 1: the variable $x"));
    CHECK_THAT(render("{{$long := 1}}{{$lon}}"), Contains("did you mean $long?"));
}

TEST_CASE("define, template and block") {
    CHECK(render("{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .n}}{{template \"t\" \"x\"}}") ==
          "<3><x>");
    CHECK(render("{{block \"b\" .n}}[{{.}}]{{end}}") == "[3]");
    CHECK_THAT(render("{{template \"nope\"}}"), Contains("\"nope\" is not defined"));
    CHECK_THAT(render("{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}"),
               Contains("too deep"));
}

TEST_CASE("Pipelines and logic") {
    CHECK(render("{{ .n | printf \"%03d\" | quote }}") == "\"003\"");
    CHECK(render("{{ (index .list 1) }}{{ (index .Hardware.Interfaces 0).dhcp.mac }}") == "am");
    CHECK(render("{{ and .n 0 \"x\" }} {{ or 0 \"\" \"y\" }} {{ not .none }}") == "0 y true");
    CHECK(render("{{ if and (gt .n 2) (lt .n 4) (ne .f 2.0) (eq .n 1 2 3) }}in{{end}}") == "in");
    CHECK(render("{{ or .yes (fail \"not reached\") }}") == "true");
}

TEST_CASE("Functions on text, lists, maps and numbers") {
    CHECK(render("{{ trim \" a \" }}{{ upper \"b\" }}{{ trimSuffix \".x\" \"c.x\" }}") == "aBc");
    CHECK(render("{{ \"a-b\" | replace \"-\" \"_\" }} {{ join \",\" .list }}") == "a_b b,a,c");
    CHECK(render("{{ splitList \":\" \"a:b\" }} {{ (split \".\" \"x.y\")._1 }}") == "[a b] y");
    CHECK(render("{{ nindent 2 \"a\\nb\" }}") == "\n  a\n  b");
    CHECK(render("{{ default \"d\" .none }} {{ .n | default 5 }} {{ coalesce \"\" 0 \"c\" }}") ==
          "d 3 c");
    CHECK(render("{{ ternary \"t\" \"f\" true }} {{ empty .list }} {{ kindOf .map }}") ==
          "t false map");
    CHECK(render("{{ list 1 2 | len }} {{ first .list }} {{ last .list }} {{ rest .list }}") ==
          "2 b c [a c]");
    CHECK(
        render("{{ sortAlpha .list }} {{ has \"a\" .list }} {{ until 3 }} {{ slice .list 1 2 }}") ==
        "[a b c] true [0 1 2] [a]");
    CHECK(render("{{ (dict \"a\" 1).a }} {{ get .map \"k1\" }} {{ hasKey .map \"zz\" }} {{ keys "
                 ".map }}") == "1 v1 false [k1 k2]");
    CHECK(render("{{ dig \"a\" \"b\" \"none\" (dict \"a\" (dict \"b\" 7)) }}") == "7");
    CHECK(render("{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 2 }} {{ max 1 "
                 "9 }}") == "6 3 6 3 1 9");
    CHECK(render("{{ atoi \"12\" | add1 }} {{ round 1.256 2 }} {{ mustFirst .list }}") ==
          "13 1.26 b");
    CHECK(render("{{ repeat 3 \"ab\" }} {{ trunc 2 \"abc\" }} {{ substr 1 3 \"abcd\" }}") ==
          "ababab ab bc");
}

TEST_CASE("Functions that encode") {
    CHECK(render("{{ b64enc \"user:pw\" }} {{ b64dec \"dXNlcjpwdw==\" }}") ==
          "dXNlcjpwdw== user:pw");
    CHECK(render("{{ toJson .map }}") == R"({"k1":"v1","k2":"v2"})");
    CHECK(render("{{ (fromJson \"{\\\"a\\\":1}\").a }}{{ (fromYaml \"a: 2\").a }}") == "12");
    CHECK(render("{{ toYaml .map }}") == "k1: v1\nk2: v2");
    CHECK(render("{{ sha256sum \"\" | trunc 8 }}") == "e3b0c442");
    CHECK(render("{{ netmaskToPrefixLength \"255.255.254.0\" }}") == "23");
}

TEST_CASE("formatPartition names the partition's device") {
    CHECK(render("{{ formatPartition (index .Hardware.Disks 0) 1 }}") == "/dev/nvme0n1p1");
    CHECK(render("{{ formatPartition \"/dev/vda\" 2 }}") == "/dev/vda2");
    CHECK(render("{{ formatPartition \"/dev/mmcblk0\" 1 }}") == "/dev/mmcblk0p1");
    CHECK(render("{{ formatPartition \"/dev/disk/by-id/x1\" 3 }}") == "/dev/disk/by-id/x1-part3");
}

TEST_CASE("printf follows Go's verbs") {
    CHECK(render("{{ printf \"%s|%5d|%-4s|%05.1f|%x|%X|%q|%v|%t|%%\" \"a\" 7 \"b\" .f 255 \"hi\" "
                 "\"q\" .list true }}") == "a|    7|b   |001.5|ff|6869|\"q\"|[b a c]|true|%");
    CHECK_THAT(render("{{ printf \"%d\" \"x\" }}"), Contains("%d does not fit the string x"));
    CHECK_THAT(render("{{ printf \"%d\" }}"), Contains("more than the 0 values"));
    CHECK_THAT(render("{{ printf \"a\" 1 }}"), Contains("fewer values"));
    CHECK_THAT(render("{{ printf \"%1001d\" 1 }}"), Contains("too large"));
}

TEST_CASE("Fields are found by the names of Go's structures below .Hardware") {
    CHECK(render("{{ (index .Hardware.Interfaces 0).DHCP.IP.Address }}") == "192.0.2.1");
    CHECK(render("{{ .Hardware.Metadata.Instance.SSHKeys }}") == "[k]");
    CHECK_THAT(render("{{ .Device1 }}"), Contains("there is no value 'Device1'"));
}

TEST_CASE("A missing value is an error with line, path and what there is") {
    CHECK_THAT(render("one\ntwo\nworker: {{ .device_2 }}\n"),
               Contains("line 3: .device_2: there is no value 'device_2'") &&
                   Contains("did you mean 'device_1'?"));
    CHECK_THAT(render("{{ .map.other }}"),
               Contains(".map.other: there is no value 'other' (hint: there are: k1, k2)"));
    CHECK_THAT(render("{{ if .missing }}{{ end }}"), Contains("there is no value 'missing'"));
    CHECK_THAT(render("{{ .n.x }}"), Contains(".n is a int and has no 'x'"));
    CHECK_THAT(render("\n{{ index .list 3 }}"),
               Contains("line 2: index: index 3 is outside of the 3"));
    CHECK_THAT(render("{{ fail \"disk too small\" }}"), Contains("disk too small"));
    CHECK_THAT(render("{{ div 1 0 }}"), Contains("division by zero"));
    CHECK_THAT(render("{{ lt 1 \"a\" }}"), Contains("have no order"));
    CHECK_THAT(render("{{ len 5 }}"), Contains("has no length"));
    CHECK_THAT(render("{{ trim 5 }}"), Contains("argument 1 must be text, not the int 5"));
    CHECK_THAT(render("{{ trim }}"), Contains("trim takes 1 value, not 0"));
    CHECK_THAT(render("{{ b64dec \"***\" }}"), Contains("not base64"));
}

TEST_CASE("Broken syntax is refused with its line") {
    CHECK_THAT(render("a\n{{ .x"), Contains("line 2: '{{' has no '}}'"));
    CHECK_THAT(render("{{ if .x }}"), Contains("{{if}} has no {{end}}"));
    CHECK_THAT(render("{{ end }}"), Contains("{{end}} has no beginning"));
    CHECK_THAT(render("{{ if .n }}{{ else }}{{ else }}{{ end }}"), Contains("second {{else}}"));
    CHECK_THAT(render("{{ \"a }}"), Contains("not closed"));
    CHECK_THAT(render("{{ }}"), Contains("a value is missing"));
    CHECK_THAT(render("{{ .n | }}"), Contains("a value is missing"));
    CHECK_THAT(render("{{ .n | .f }}"), Contains("only a function can follow"));
    CHECK_THAT(render("{{ .n .f }}"), Contains("only a function can take arguments"));
    CHECK_THAT(render("{{ (.n }}"), Contains("'(' has no ')'"));
    CHECK_THAT(render("{{ break }}"), Contains("outside of range"));
    CHECK_THAT(render("{{ formatPartitoin .n }}"), Contains("did you mean 'formatPartition'?"));
    CHECK_THAT(render("{{ set .map \"a\" 1 }}"), Contains("values cannot be changed"));
    CHECK_THAT(render("{{ device_1 }}"), Contains("a value needs a leading dot"));
    CHECK_THAT(render("{{ \"\\z\" }}"), Contains("unknown escape"));
    CHECK_THAT(render("{{ a ! b }}"), Contains("unexpected '!'"));
}

TEST_CASE("Sizes and work of templates are limited") {
    auto kind = [](const std::string& text) {
        auto parsed = Template::parse(text);
        if (!parsed) return parsed.error().kind();
        auto result = parsed->render(data);
        return result ? ErrorKind::internal : result.error().kind();
    };
    CHECK(Template::parse(std::string(max_template_bytes, 'x')));
    CHECK(kind(std::string(max_template_bytes + 1, 'x')) == ErrorKind::limit);
    CHECK(render(std::string(max_rendered_bytes, 'x')).size() == max_rendered_bytes);
    CHECK(kind(std::string(max_rendered_bytes - 1, 'x').substr(16) + "{{ repeat 20 \"x\" }}") ==
          ErrorKind::limit);
    CHECK(kind("{{range until 60000}}{{range until 60000}}{{$x := 1}}{{end}}{{end}}") ==
          ErrorKind::limit);
    CHECK(kind("{{ repeat 10000000 \"x\" }}") == ErrorKind::limit);
    CHECK(kind("{{ until 100000 }}") == ErrorKind::limit);
    std::string doubling = "{{$x := list 1}}";
    for (int i = 0; i < 64; ++i) doubling += "{{$x = list $x $x}}";
    CHECK(kind(doubling) == ErrorKind::limit);
    std::string deep;
    for (int i = 0; i < max_template_depth + 1; ++i) deep += "{{if true}}";
    CHECK(kind(deep) == ErrorKind::limit);
    CHECK(kind("{{" + std::string(1000, '(') + "}}") == ErrorKind::limit);
}
