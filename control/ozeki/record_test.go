package ozeki

import (
	"testing/fstest"
)

// folderOf is a media folder.
func folderOf(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, content := range files {
		fs[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fs
}
