using System.Runtime.InteropServices;

namespace Mewe.Execution.Wasmtime.Native;

/// <summary>
/// The functions of Wasmtime's C API that Mewe uses, under names of its own. A returned <c>nint</c> of a function that can fail is an error that the caller owns (<see cref="Problems.TakeError"/>), 0 where there is none.
/// </summary>
/// <remarks><c>context</c> is the interior pointer of a store; it is valid as long as the store and needs no freeing. <see cref="WasmtimeLibrary"/> says where "wasmtime" comes from.</remarks>
internal static unsafe partial class Api
{
    /// <summary>The name that <see cref="WasmtimeLibrary"/> resolves.</summary>
    public const string Library = "wasmtime";

    // --- Settings and engine ---

    [LibraryImport(Library, EntryPoint = "wasm_config_new")]
    public static partial nint NewConfig();

    [LibraryImport(Library, EntryPoint = "wasm_engine_new_with_config")]
    public static partial EngineHandle NewEngine(nint ownedConfig);

    [LibraryImport(Library, EntryPoint = "wasm_engine_delete")]
    public static partial void DeleteEngine(nint engine);

    [LibraryImport(Library, EntryPoint = "wasmtime_engine_increment_epoch")]
    public static partial void IncrementEpoch(EngineHandle engine);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_epoch_interruption_set")]
    public static partial void SetEpochInterruption(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_consume_fuel_set")]
    public static partial void SetConsumeFuel(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_max_wasm_stack_set")]
    public static partial void SetMaxWasmStack(nint config, nuint bytes);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_parallel_compilation_set")]
    public static partial void SetParallelCompilation(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_signals_based_traps_set")]
    public static partial void SetSignalsBasedTraps(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_macos_use_mach_ports_set")]
    public static partial void SetMacosUseMachPorts(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_native_unwind_info_set")]
    public static partial void SetNativeUnwindInfo(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_memory_init_cow_set")]
    public static partial void SetMemoryInitCow(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_memory_reservation_set")]
    public static partial void SetMemoryReservation(nint config, ulong bytes);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_memory_guard_size_set")]
    public static partial void SetMemoryGuardSize(nint config, ulong bytes);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_memory_reservation_for_growth_set")]
    public static partial void SetMemoryReservationForGrowth(nint config, ulong bytes);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_memory_may_move_set")]
    public static partial void SetMemoryMayMove(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_target_set", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint SetTarget(nint config, string triple);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_strategy_set")]
    public static partial void SetStrategy(nint config, byte strategy);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_cranelift_opt_level_set")]
    public static partial void SetOptimization(nint config, byte level);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_cranelift_regalloc_algorithm_set")]
    public static partial void SetRegisterAllocation(nint config, byte algorithm);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_cranelift_flag_enable", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void EnableCraneliftFlag(nint config, string flag);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_shared_memory_set")]
    public static partial void SetSharedMemory(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_wasm_threads_set")]
    public static partial void SetThreads(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_wasm_gc_set")]
    public static partial void SetGc(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_wasm_function_references_set")]
    public static partial void SetFunctionReferences(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    [LibraryImport(Library, EntryPoint = "wasmtime_config_wasm_exceptions_set")]
    public static partial void SetExceptions(nint config, [MarshalAs(UnmanagedType.U1)] bool enable);

    // --- Modules ---

    [LibraryImport(Library, EntryPoint = "wasmtime_module_new")]
    public static partial nint NewModule(EngineHandle engine, byte* wasm, nuint length, out CodeHandle module);

    [LibraryImport(Library, EntryPoint = "wasmtime_module_delete")]
    public static partial void DeleteModule(nint module);

    [LibraryImport(Library, EntryPoint = "wasmtime_module_validate")]
    public static partial nint Validate(EngineHandle engine, byte* wasm, nuint length);

    [LibraryImport(Library, EntryPoint = "wasmtime_module_serialize")]
    public static partial nint Serialize(CodeHandle module, out ByteVector bytes);

    // --- Stores ---

    [LibraryImport(Library, EntryPoint = "wasmtime_store_new")]
    public static partial StoreHandle NewStore(EngineHandle engine, nint data, nint finalizer);

    [LibraryImport(Library, EntryPoint = "wasmtime_store_delete")]
    public static partial void DeleteStore(nint store);

    [LibraryImport(Library, EntryPoint = "wasmtime_store_context")]
    public static partial nint Context(StoreHandle store);

    [LibraryImport(Library, EntryPoint = "wasmtime_store_limiter")]
    public static partial void LimitStore(StoreHandle store, long memoryBytes, long tableElements, long instances, long tables, long memories);

    [LibraryImport(Library, EntryPoint = "wasmtime_store_epoch_deadline_callback")]
    public static partial void SetEpochCallback(
        StoreHandle store, delegate* unmanaged[Cdecl]<nint, nint, ulong*, byte*, nint> callback, nint data, nint finalizer);

    [LibraryImport(Library, EntryPoint = "wasmtime_context_set_epoch_deadline")]
    public static partial void SetEpochDeadline(nint context, ulong ticks);

    [LibraryImport(Library, EntryPoint = "wasmtime_context_set_fuel")]
    public static partial nint SetFuel(nint context, ulong fuel);

    [LibraryImport(Library, EntryPoint = "wasmtime_context_has_exception")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool HasException(nint context);

    [LibraryImport(Library, EntryPoint = "wasmtime_context_take_exception")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool TakeException(nint context, ulong* exception);

    // --- Instances ---

    [LibraryImport(Library, EntryPoint = "wasmtime_instance_new")]
    public static partial nint NewInstance(nint context, CodeHandle module, Extern* imports, nuint count, out StoreItem instance, out nint trap);

    [LibraryImport(Library, EntryPoint = "wasmtime_instance_export_get")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool GetExport(nint context, StoreItem* instance, byte* name, nuint length, out Extern found);

    [LibraryImport(Library, EntryPoint = "wasmtime_extern_delete")]
    public static partial void DeleteExtern(Extern* item);

    // --- Functions ---

    [LibraryImport(Library, EntryPoint = "wasmtime_func_call")]
    public static partial nint Call(nint context, StoreItem* function, Value* arguments, nuint argumentCount, Value* results, nuint resultCount, out nint trap);

    [LibraryImport(Library, EntryPoint = "wasmtime_func_new_unchecked")]
    public static partial void NewFunction(
        nint context, nint type, delegate* unmanaged[Cdecl]<nint, nint, RawValue*, nuint, nint> callback, nint data, nint finalizer, StoreItem* function);

    [LibraryImport(Library, EntryPoint = "wasmtime_caller_context")]
    public static partial nint CallerContext(nint caller);

    [LibraryImport(Library, EntryPoint = "wasm_valtype_new")]
    public static partial nint NewValueType(byte kind);

    [LibraryImport(Library, EntryPoint = "wasmtime_wasm_valtype_v128")]
    public static partial nint NewV128Type();

    [LibraryImport(Library, EntryPoint = "wasm_valtype_vec_new")]
    public static partial void NewValueTypes(out PointerVector vector, nuint count, nint* owned);

    [LibraryImport(Library, EntryPoint = "wasm_functype_new")]
    public static partial nint NewFunctionType(ref PointerVector ownedParameters, ref PointerVector ownedResults);

    [LibraryImport(Library, EntryPoint = "wasm_functype_delete")]
    public static partial void DeleteFunctionType(nint type);

    // --- Memories, globals ---

    [LibraryImport(Library, EntryPoint = "wasmtime_memory_data")]
    public static partial byte* MemoryData(nint context, ulong* memory);

    [LibraryImport(Library, EntryPoint = "wasmtime_memory_data_size")]
    public static partial nuint MemorySize(nint context, ulong* memory);

    [LibraryImport(Library, EntryPoint = "wasmtime_memory_grow")]
    public static partial nint GrowMemory(nint context, ulong* memory, ulong pages, out ulong before);

    [LibraryImport(Library, EntryPoint = "wasmtime_sharedmemory_data")]
    public static partial byte* SharedMemoryData(nint memory);

    [LibraryImport(Library, EntryPoint = "wasmtime_sharedmemory_data_size")]
    public static partial nuint SharedMemorySize(nint memory);

    [LibraryImport(Library, EntryPoint = "wasmtime_global_get")]
    public static partial void GetGlobal(nint context, ulong* global, out Value value);

    [LibraryImport(Library, EntryPoint = "wasmtime_global_set")]
    public static partial nint SetGlobal(nint context, ulong* global, in Value value);

    // --- References ---

    [LibraryImport(Library, EntryPoint = "wasmtime_val_unroot")]
    public static partial void Unroot(ref Value value);

    [LibraryImport(Library, EntryPoint = "wasmtime_exnref_unroot")]
    public static partial void UnrootException(ulong* exception);

    [LibraryImport(Library, EntryPoint = "wasmtime_externref_new")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool NewExternRef(nint context, nint data, nint finalizer, ulong* reference);

    [LibraryImport(Library, EntryPoint = "wasmtime_externref_data")]
    public static partial nint ExternRefData(nint context, ulong* reference);

    // --- Errors and traps ---

    [LibraryImport(Library, EntryPoint = "wasmtime_error_new")]
    public static partial nint NewError(byte* message);

    [LibraryImport(Library, EntryPoint = "wasmtime_error_delete")]
    public static partial void DeleteError(nint error);

    [LibraryImport(Library, EntryPoint = "wasmtime_error_message")]
    public static partial void ErrorMessage(nint error, out ByteVector message);

    [LibraryImport(Library, EntryPoint = "wasmtime_trap_new")]
    public static partial nint NewTrap(byte* message, nuint length);

    [LibraryImport(Library, EntryPoint = "wasm_trap_delete")]
    public static partial void DeleteTrap(nint trap);

    [LibraryImport(Library, EntryPoint = "wasm_trap_message")]
    public static partial void TrapMessage(nint trap, out ByteVector message);

    [LibraryImport(Library, EntryPoint = "wasmtime_trap_code")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool TrapCode(nint trap, out TrapCode code);

    [LibraryImport(Library, EntryPoint = "wasm_trap_origin")]
    public static partial nint TrapOrigin(nint trap);

    [LibraryImport(Library, EntryPoint = "wasm_frame_module_offset")]
    public static partial nuint FrameModuleOffset(nint frame);

    [LibraryImport(Library, EntryPoint = "wasm_frame_delete")]
    public static partial void DeleteFrame(nint frame);

    [LibraryImport(Library, EntryPoint = "wasm_byte_vec_delete")]
    public static partial void DeleteBytes(ref ByteVector bytes);
}
