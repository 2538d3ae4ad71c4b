package yeastar

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"ringdown/control/access"
)

const (
	tokenLength = 32
	tokensEach  = 8 // pairs of one application that are valid at once (spec yeastar-p 2.1)
)

// grant is a pair of tokens as it is given out.
type grant struct {
	AccessLife   int    `json:"access_token_expire_time"` // seconds
	Access       string `json:"access_token"`
	RefreshLife  int    `json:"refresh_token_expire_time"`
	RefreshToken string `json:"refresh_token"`
}

// digest stands for a token: what is looked up and kept. Looking for a hash tells nothing about how much of a guessed
// token was right, since nobody can choose hashes.
type digest [sha256.Size]byte

// issued is a pair of tokens that was given out.
type issued struct {
	app                   string
	access, refresh       digest
	accessEnd, refreshEnd time.Time
	dead                  chan struct{} // closed when it is revoked, replaced or pushed out, not when it expires
}

// tokens are the pairs that are valid, at most tokensEach an application.
type tokens struct {
	life   Tokens
	random func() string // called with mu held

	mu    sync.Mutex
	byKey map[digest]*issued   // by access and by refresh token
	byApp map[string][]*issued // oldest first
}

func newTokens(life Tokens) *tokens {
	return &tokens{
		life: life, random: access.Random(rand.Reader, tokenLength),
		byKey: map[digest]*issued{}, byApp: map[string][]*issued{},
	}
}

// issue makes a pair; the oldest of an application that has too many dies.
func (s *tokens) issue(app string, now time.Time) *grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issueLocked(app, now)
}

func (s *tokens) issueLocked(app string, now time.Time) *grant {
	for list := s.byApp[app]; len(list) > 0 && (len(list) >= tokensEach || !now.Before(list[0].refreshEnd)); list = s.byApp[app] {
		s.kill(list[0])
	}
	g := &grant{
		AccessLife: int(s.life.Access / time.Second), Access: s.random(),
		RefreshLife: int(s.life.Refresh / time.Second), RefreshToken: s.random(),
	}
	p := &issued{
		app: app, access: digestOf(g.Access), refresh: digestOf(g.RefreshToken),
		accessEnd: now.Add(s.life.Access), refreshEnd: now.Add(s.life.Refresh), dead: make(chan struct{}),
	}
	s.byKey[p.access], s.byKey[p.refresh] = p, p
	s.byApp[app] = append(s.byApp[app], p)
	return g
}

// find returns the pair of an access token that is valid, nil when there is none.
func (s *tokens) find(token string, now time.Time) *issued {
	d := digestOf(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[d]
	if p == nil || p.access != d || !now.Before(p.accessEnd) {
		return nil
	}
	return p
}

// refresh replaces the pair of a refresh token by a new one; nil when there is none.
func (s *tokens) refresh(token string, now time.Time) (*grant, string) {
	d := digestOf(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[d]
	if p == nil || p.refresh != d || !now.Before(p.refreshEnd) {
		return nil, ""
	}
	s.kill(p)
	return s.issueLocked(p.app, now), p.app
}

// revoke ends a pair.
func (s *tokens) revoke(p *issued) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill(p)
}

// kill takes a pair out, once.
func (s *tokens) kill(p *issued) {
	if s.byKey[p.access] != p {
		return
	}
	delete(s.byKey, p.access)
	delete(s.byKey, p.refresh)
	s.byApp[p.app] = slices.DeleteFunc(s.byApp[p.app], func(o *issued) bool { return o == p })
	close(p.dead)
}

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }
