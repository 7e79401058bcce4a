using System.Reflection;
using System.Runtime.InteropServices;

namespace Mewe.Equivalence.Proof.Solving;

/// <summary>The part of libz3's C interface that is used (z3_api.h); 4.8 and later have all of it.</summary>
internal static partial class Z3Native
{
    private const string Library = "z3";
    private static readonly string[] Names = ["libz3.so.4", "libz3.so", "libz3"];

    /// <summary>The loaded library, or 0 where there is none: then no other member may be called.</summary>
    public static nint Handle { get; } = Load();

    private static nint Load()
    {
        var handle = Find();
        NativeLibrary.SetDllImportResolver(typeof(Z3Native).Assembly, (name, _, _) => name == Library ? handle : 0);
        return handle;
    }

    private static nint Find()
    {
        if (Environment.GetEnvironmentVariable("MEWE_Z3") is { Length: > 0 } named)
        {
            return NativeLibrary.TryLoad(named, out var library) ? library : 0;
        }

        foreach (var name in Names)
        {
            if (NativeLibrary.TryLoad(name, Assembly.GetExecutingAssembly(), DllImportSearchPath.SafeDirectories, out var library))
            {
                return library;
            }
        }

        return 0;
    }

    [LibraryImport(Library, EntryPoint = "Z3_get_version")]
    public static partial void GetVersion(out uint major, out uint minor, out uint build, out uint revision);

    [LibraryImport(Library, EntryPoint = "Z3_get_full_version")]
    public static partial nint GetFullVersion();

    [LibraryImport(Library, EntryPoint = "Z3_toggle_warning_messages")]
    public static partial void ToggleWarningMessages([MarshalAs(UnmanagedType.U1)] bool enabled);

    [LibraryImport(Library, EntryPoint = "Z3_mk_config")]
    public static partial nint MakeConfig();

    [LibraryImport(Library, EntryPoint = "Z3_del_config")]
    public static partial void DeleteConfig(nint config);

    [LibraryImport(Library, EntryPoint = "Z3_mk_context")]
    public static partial nint MakeContext(nint config);

    [LibraryImport(Library, EntryPoint = "Z3_del_context")]
    public static partial void DeleteContext(nint context);

    [LibraryImport(Library, EntryPoint = "Z3_set_error_handler")]
    public static unsafe partial void SetErrorHandler(Z3Context context, delegate* unmanaged[Cdecl]<nint, int, void> handler);

    [LibraryImport(Library, EntryPoint = "Z3_get_error_code")]
    public static partial int GetErrorCode(Z3Context context);

    [LibraryImport(Library, EntryPoint = "Z3_get_error_msg")]
    public static partial nint GetErrorMessage(Z3Context context, int code);

    [LibraryImport(Library, EntryPoint = "Z3_parse_smtlib2_string", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint Parse(Z3Context context, string script, uint sorts, nint sortNames, nint sortValues, uint declarations, nint declarationNames,
        nint declarationValues);

    [LibraryImport(Library, EntryPoint = "Z3_ast_vector_inc_ref")]
    public static partial void RetainVector(Z3Context context, nint vector);

    [LibraryImport(Library, EntryPoint = "Z3_ast_vector_dec_ref")]
    public static partial void ReleaseVector(Z3Context context, nint vector);

    [LibraryImport(Library, EntryPoint = "Z3_ast_vector_size")]
    public static partial uint VectorSize(Z3Context context, nint vector);

    [LibraryImport(Library, EntryPoint = "Z3_ast_vector_get")]
    public static partial nint VectorItem(Z3Context context, nint vector, uint index);

    [LibraryImport(Library, EntryPoint = "Z3_mk_string_symbol", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint MakeSymbol(Z3Context context, string name);

    [LibraryImport(Library, EntryPoint = "Z3_mk_params")]
    public static partial nint MakeParameters(Z3Context context);

    [LibraryImport(Library, EntryPoint = "Z3_params_inc_ref")]
    public static partial void RetainParameters(Z3Context context, nint parameters);

    [LibraryImport(Library, EntryPoint = "Z3_params_dec_ref")]
    public static partial void ReleaseParameters(Z3Context context, nint parameters);

    [LibraryImport(Library, EntryPoint = "Z3_params_set_uint")]
    public static partial void SetParameter(Z3Context context, nint parameters, nint name, uint value);

    [LibraryImport(Library, EntryPoint = "Z3_params_set_bool")]
    public static partial void SetParameter(Z3Context context, nint parameters, nint name, [MarshalAs(UnmanagedType.U1)] bool value);

    [LibraryImport(Library, EntryPoint = "Z3_mk_tactic", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint MakeTactic(Z3Context context, string name);

    [LibraryImport(Library, EntryPoint = "Z3_tactic_inc_ref")]
    public static partial void RetainTactic(Z3Context context, nint tactic);

    [LibraryImport(Library, EntryPoint = "Z3_tactic_dec_ref")]
    public static partial void ReleaseTactic(Z3Context context, nint tactic);

    [LibraryImport(Library, EntryPoint = "Z3_mk_solver_from_tactic")]
    public static partial nint MakeSolver(Z3Context context, nint tactic);

    [LibraryImport(Library, EntryPoint = "Z3_solver_inc_ref")]
    public static partial void RetainSolver(Z3Context context, nint solver);

    [LibraryImport(Library, EntryPoint = "Z3_solver_dec_ref")]
    public static partial void ReleaseSolver(Z3Context context, nint solver);

    [LibraryImport(Library, EntryPoint = "Z3_solver_set_params")]
    public static partial void SetSolverParameters(Z3Context context, nint solver, nint parameters);

    [LibraryImport(Library, EntryPoint = "Z3_solver_assert")]
    public static partial void Assert(Z3Context context, nint solver, nint formula);

    /// <summary>1 satisfiable, -1 unsatisfiable, 0 undecided.</summary>
    [LibraryImport(Library, EntryPoint = "Z3_solver_check")]
    public static partial int Check(Z3Context context, nint solver);

    [LibraryImport(Library, EntryPoint = "Z3_solver_get_reason_unknown")]
    public static partial nint ReasonUnknown(Z3Context context, nint solver);

    [LibraryImport(Library, EntryPoint = "Z3_solver_get_model")]
    public static partial nint Model(Z3Context context, nint solver);

    [LibraryImport(Library, EntryPoint = "Z3_model_inc_ref")]
    public static partial void RetainModel(Z3Context context, nint model);

    [LibraryImport(Library, EntryPoint = "Z3_model_dec_ref")]
    public static partial void ReleaseModel(Z3Context context, nint model);

    [LibraryImport(Library, EntryPoint = "Z3_mk_bv_sort")]
    public static partial nint MakeBitVectorSort(Z3Context context, uint width);

    [LibraryImport(Library, EntryPoint = "Z3_mk_const")]
    public static partial nint MakeConstant(Z3Context context, nint symbol, nint sort);

    [LibraryImport(Library, EntryPoint = "Z3_model_eval")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool Evaluate(Z3Context context, nint model, nint term, [MarshalAs(UnmanagedType.U1)] bool complete, out nint value);

    [LibraryImport(Library, EntryPoint = "Z3_get_numeral_string")]
    public static partial nint NumeralText(Z3Context context, nint numeral);

    public static string Text(nint utf8) => Marshal.PtrToStringUTF8(utf8) ?? "";
}

/// <summary>A context of libz3; every term belongs to one.</summary>
internal sealed class Z3Context : SafeHandle
{
    public Z3Context()
        : base(0, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>A new context, in which an error is a code to ask for and no longer the end of the process.</summary>
    public static unsafe Z3Context Create()
    {
        var config = Z3Native.MakeConfig();
        var context = new Z3Context();
        context.SetHandle(Z3Native.MakeContext(config));
        Z3Native.DeleteConfig(config);
        Z3Native.SetErrorHandler(context, &OnError);
        return context;
    }

    protected override bool ReleaseHandle()
    {
        Z3Native.DeleteContext(handle);
        return true;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void OnError(nint context, int code)
    {
        // libz3's own handler ends the process; with this one the error code stays in the context.
    }
}
