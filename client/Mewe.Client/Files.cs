namespace Mewe.Client;

/// <summary>Reads and writes the user's files. An output appears whole or not at all.</summary>
internal static class Files
{
    public static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            var reason = exception is FileNotFoundException or DirectoryNotFoundException ? "there is no such file"
                : Directory.Exists(path) ? "it is a folder" : exception.Message;
            throw new CommandException(ExitCode.NoInput, $"cannot read {path}: {reason}");
        }
    }

    /// <summary>Fails early where an output could not be written, before long work is done for it.</summary>
    public static void CheckWritable(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            throw new CommandException(ExitCode.CannotCreate, "cannot write the output: its path is empty or no path");
        }

        var directory = Path.GetDirectoryName(Path.GetFullPath(path));
        if (!Directory.Exists(directory))
        {
            throw new CommandException(ExitCode.CannotCreate, $"cannot write {path}: there is no folder {directory}");
        }

        if (Directory.Exists(path))
        {
            throw new CommandException(ExitCode.CannotCreate, $"cannot write {path}: it is a folder");
        }
    }

    /// <summary>Writes to a temporary file beside <paramref name="path"/> and renames it.</summary>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = path + $".{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                stream.Write(bytes);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }

            throw new CommandException(ExitCode.CannotCreate, $"cannot write {path}: {exception.Message}");
        }
    }
}
