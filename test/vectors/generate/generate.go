// Prints vectors made and judged by gopkg.in/macaroon.v2, from scenarios.json on standard input.
// Debian: apt-get install golang-go golang-gopkg-macaroon.v2-dev; GOPATH=/usr/share/gocode GO111MODULE=off go run generate.go < scenarios.json
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"

	macaroon "gopkg.in/macaroon.v2"
)

type caveat struct{ Id, IdHex, Key, Location string }

type spec struct {
	Key, Id, IdHex, Location, Bind string
	Caveats, Later                 []caveat
}

type scenario struct {
	About, Key, Expected string
	OnlyV2               bool
	Macaroons            []spec
}

type vector struct {
	About      string   `json:"about"`
	Format     string   `json:"format"`
	Key        string   `json:"key"`
	Token      string   `json:"token"`
	Theirs     string   `json:"theirs"`
	Expected   string   `json:"expected"`
	Conditions []string `json:"conditions,omitempty"`
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func bytesOf(text, asHex string) []byte {
	if asHex == "" {
		return []byte(text)
	}
	data, err := hex.DecodeString(asHex)
	must(err)
	return data
}

func add(m *macaroon.Macaroon, caveats []caveat) {
	for _, c := range caveats {
		if c.Key == "" {
			must(m.AddFirstPartyCaveat(bytesOf(c.Id, c.IdHex)))
		} else {
			must(m.AddThirdPartyCaveat([]byte(c.Key), bytesOf(c.Id, c.IdHex), c.Location))
		}
	}
}

func build(s scenario, version macaroon.Version) macaroon.Slice {
	var all macaroon.Slice
	for i, one := range s.Macaroons {
		m, err := macaroon.New([]byte(one.Key), bytesOf(one.Id, one.IdHex), one.Location, version)
		must(err)
		add(m, one.Caveats)
		if i > 0 && one.Bind == "" {
			m.Bind(all[0].Signature())
		} else if one.Bind == "previous" {
			m.Bind(all[i-1].Signature())
		}
		all = append(all, m)
	}
	add(all[0], s.Macaroons[0].Later)
	return all
}

func main() {
	var scenarios []scenario
	must(json.NewDecoder(os.Stdin).Decode(&scenarios))
	vectors := []vector{}
	for _, s := range scenarios {
		for _, version := range []macaroon.Version{macaroon.V1, macaroon.V2} {
			if s.OnlyV2 && version == macaroon.V1 {
				continue
			}
			all := build(s, version)
			conditions, err := all[0].VerifySignature([]byte(s.Key), all[1:])
			one := vector{About: s.About, Key: s.Key, Format: version.String() + "-binary", Theirs: "accepted", Expected: s.Expected}
			for _, condition := range conditions {
				one.Conditions = append(one.Conditions, hex.EncodeToString([]byte(condition)))
			}
			if err != nil {
				one.Theirs = "refused"
			}
			data, err := all.MarshalBinary()
			must(err)
			one.Token = base64.RawURLEncoding.EncodeToString(data)
			vectors = append(vectors, one)
			if version == macaroon.V2 {
				text, err := json.Marshal(all)
				must(err)
				one.Format, one.Token = "v2-json", string(text)
				vectors = append(vectors, one)
			}
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	must(encoder.Encode(map[string]any{
		"source":  "gopkg.in/macaroon.v2 2.1.0 (Debian golang-gopkg-macaroon.v2-dev 2.1.0-3)",
		"made":    "test/vectors/generate/generate.go from scenarios.json; `theirs` is the verdict of its VerifySignature, `expected` ours",
		"vectors": vectors,
	}))
}
