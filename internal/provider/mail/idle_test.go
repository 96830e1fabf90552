package mail

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// A connection that nobody uses is ended politely after its time, and one that was taken up again in between starts anew.
func TestAConnectionWaitsForSomeTimeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Host: "localhost", From: "vigie@example.com", Sessions: 1})
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		quit := make(chan time.Time, 1)
		go func() {
			defer theirs.Close()
			fmt.Fprint(theirs, "220 mx.example\r\n")
			for r := bufio.NewReader(theirs); ; {
				line, err := r.ReadString('\n')
				switch {
				case err != nil:
					return
				case strings.HasPrefix(line, "QUIT"):
					quit <- time.Now()
					fmt.Fprint(theirs, "221 bye\r\n")
					return
				}
				fmt.Fprint(theirs, "250 ok\r\n")
			}
		}()
		x := &session{conn: ours, since: time.Now(), sent: 1}
		if x.client, err = smtp.NewClient(ours, "localhost"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s.keep(x)
		time.Sleep(keepTime - time.Second)
		if s.kept() != x || s.kept() != nil {
			t.Fatal("it was not there to be used")
		}
		s.keep(x)
		if at := <-quit; at.Sub(began) != 2*keepTime-time.Second {
			t.Errorf("ended after %s", at.Sub(began))
		}
		synctest.Wait()
		if s.kept() != nil {
			t.Error("it is still there")
		}
	})
}
