-- No executables by name: programs, libraries and scripts that a system would run.
-- Names are all that is asked; what a file's bytes are is another question.
WITH forbidden (suffix) AS (
  VALUES ('.exe'), ('.dll'), ('.com'), ('.msi'), ('.scr'), ('.bat'), ('.cmd'), ('.ps1'), ('.vbs'),
         ('.so'), ('.dylib'), ('.app'), ('.bin'), ('.run'), ('.elf'), ('.sh'), ('.bash'), ('.jar'), ('.apk')
)
SELECT path, suffix
FROM policy_entries JOIN forbidden ON substr(lower(path), -length(suffix)) = suffix
WHERE kind = 'file';

-- Libraries carry a version behind their suffix, as in libz.so.1.
SELECT path, 'a versioned library' AS because
FROM policy_entries
WHERE kind = 'file' AND lower(path) GLOB '*.so.[0-9]*';
