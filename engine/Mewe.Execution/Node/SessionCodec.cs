using System.Collections.Immutable;
using System.Diagnostics;

namespace Mewe.Execution.Node;

/// <summary>Session batches on the wire; the format is written down in Worker/session.js.</summary>
internal static class SessionCodec
{
    public static RequestWriter Encode(IReadOnlyList<SessionCommand> commands)
    {
        var writer = new RequestWriter(WorkerOperation.Session, 1024);
        writer.List(commands, command => Encode(writer, command));
        return writer;
    }

    public static ImmutableArray<SessionReply> Decode(int commands, WorkerReply reply) => new ReplyReader(reply.Body).List(commands, Reply);

    private static void Encode(RequestWriter writer, SessionCommand command)
    {
        switch (command)
        {
            case SessionCommand.Compile compile:
                writer.U8(0);
                writer.U32(compile.Module);
                writer.Bytes(compile.Bytes.Span);
                break;
            case SessionCommand.Instantiate instantiate:
                writer.U8(1);
                writer.U32(instantiate.Instance);
                writer.U32(instantiate.Module);
                writer.List(instantiate.Imports, binding =>
                {
                    writer.String(binding.Module);
                    Optional(writer, binding.Name);
                    Encode(writer, binding.Source);
                });
                break;
            case SessionCommand.Register register:
                writer.U8(2);
                writer.String(register.Name);
                Encode(writer, register.Source);
                break;
            case SessionCommand.Invoke invoke:
                writer.U8(3);
                writer.U32(invoke.Instance);
                writer.String(invoke.Export);
                writer.List(invoke.Arguments, writer.Value);
                break;
            case SessionCommand.GetGlobal get:
                writer.U8(4);
                writer.U32(get.Instance);
                writer.String(get.Export);
                break;
            case SessionCommand.SetGlobal set:
                writer.U8(5);
                writer.U32(set.Instance);
                writer.String(set.Export);
                writer.Value(set.Value);
                break;
            case SessionCommand.ReadMemory read:
                writer.U8(6);
                writer.U32(read.Instance);
                writer.Range(read.Range);
                break;
            case SessionCommand.WriteMemory write:
                writer.U8(7);
                writer.U32(write.Instance);
                writer.String(write.Export);
                writer.F64(write.Offset);
                writer.Bytes(write.Bytes.Span);
                break;
            case SessionCommand.Reset:
                writer.U8(8);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Encode(RequestWriter writer, ImportSource source)
    {
        switch (source)
        {
            case ImportSource.Instance instance:
                writer.U8(0);
                writer.U32(instance.Number);
                Optional(writer, instance.Export);
                break;
            case ImportSource.Spectest:
                writer.U8(1);
                break;
            case ImportSource.Wasi wasi:
                writer.U8(2);
                writer.U64(wasi.Seed);
                break;
            case ImportSource.Stub stub:
                writer.U8(3);
                writer.List(stub.Results, writer.Value);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Optional(RequestWriter writer, string? text)
    {
        writer.U8(text is null ? 0 : 1);
        if (text is not null)
        {
            writer.String(text);
        }
    }

    private static SessionReply Reply(ref ReplyReader reader) => reader.U8() switch
    {
        0 => new SessionReply.Done(),
        1 => new SessionReply.Returned(reader.List((ref ReplyReader r) => r.Value())),
        2 => new SessionReply.Trapped(reader.Trap()),
        3 => new SessionReply.Invalid(reader.String()),
        4 => new SessionReply.Unlinkable(reader.String()),
        5 => new SessionReply.Unknown(reader.String()),
        6 => new SessionReply.Unsupported(reader.String()),
        7 => new SessionReply.Data(reader.Bytes()),
        _ => throw new UnreachableException(),
    };
}
